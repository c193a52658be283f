import type { AddressInfo } from 'node:net';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** The addresses of the processes of the application, through which buyers come in. */
@Injectable()
export class Doors {
  private readonly others: string[] = [];
  private visits = 0;

  constructor(private readonly host: HttpAdapterHost) {}

  /** This process first. */
  get urls(): readonly string[] {
    const { port } = this.host.httpAdapter.getHttpServer().address() as AddressInfo;
    return [`http://127.0.0.1:${port}`, ...this.others];
  }

  add(url: string): void {
    this.others.push(url);
  }

  /** Each in turn. */
  next(): string {
    const { urls } = this;
    return urls[this.visits++ % urls.length];
  }
}
