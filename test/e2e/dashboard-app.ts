import { Module, type INestApplication, type ModuleMetadata, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ClusterDashboardModule, type ClusterDashboardOptions } from 'keyslot/dashboard';
import type { DashboardState, DashboardUpdate } from '../../lib/dashboard/state/dashboard-state.js';
import { eventually } from '../cluster-fixture.js';

/** All that a viewer knows. */
export type Seen = DashboardState & DashboardUpdate;

export type Platform = 'Express' | 'Fastify';
export const PLATFORMS: readonly Platform[] = ['Express', 'Fastify'];

/** What an application with a dashboard is made of. */
export interface DashboardApp {
  readonly imports: ModuleMetadata['imports'];
  readonly providers?: ModuleMetadata['providers'];
  readonly dashboard?: ClusterDashboardOptions;
  readonly platform?: Platform;
  /** Default: a free one. */
  readonly port?: number;
  /** Changes the application before it starts. */
  readonly configure?: (app: INestApplication) => void;
}

const running = new Set<INestApplication>();
const streams = new Set<Watcher>();

/** Ends what the tests of a file have started. Called in `afterEach`. */
export async function endAll(): Promise<void> {
  for (const stream of streams) stream.end();
  for (const app of running) await app.close();
  running.clear();
}

/** Starts an application that listens on a free port. */
export async function startApp({
  imports = [],
  providers = [],
  dashboard = { unguarded: true },
  platform = 'Express',
  port = 0,
  configure,
}: DashboardApp): Promise<{ app: INestApplication; url: string }> {
  @Module({ imports: [...imports, ClusterDashboardModule.forRoot(dashboard)], providers })
  class AppModule {}
  const app = await create(AppModule, platform);
  running.add(app);
  configure?.(app);
  await app.listen(port, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

function create(module: Type, platform: Platform): Promise<INestApplication> {
  const options = { logger: false, abortOnError: false } as const;
  return platform === 'Express'
    ? NestFactory.create(module, options)
    : NestFactory.create(module, new FastifyAdapter(), options);
}

/** Someone who watches a dashboard. */
export class Watcher {
  /** What the page knows now. */
  readonly state: Partial<Seen> = {};
  /** All that was received, as text. */
  text = '';
  updates = 0;
  /** Resolves when the server has ended the stream, or it was ended here. */
  readonly ended: Promise<void>;
  private readonly aborter = new AbortController();

  /** @param url the URL of the stream */
  constructor(url: string) {
    streams.add(this);
    this.ended = this.read(url)
      .catch((error: Error) => {
        if (error.name !== 'AbortError') throw error;
      })
      .finally(() => streams.delete(this));
    this.ended.catch(() => {});
  }

  /** Waits until the state meets a condition. */
  sees(condition: (state: Seen) => unknown): Promise<Seen> {
    return eventually(() => {
      const state = this.state as Seen;
      if (this.updates > 0 && condition(state)) return state;
      throw new Error(`Not seen in ${JSON.stringify(state).slice(0, 4_000)}`);
    });
  }

  end(): void {
    this.aborter.abort();
  }

  private async read(url: string): Promise<void> {
    const response = await fetch(url, { signal: this.aborter.signal });
    if (response.status !== 200) throw new Error(`The stream was refused: ${response.status}`);
    let rest = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      this.text += chunk;
      const messages = (rest + chunk).split('\n\n');
      rest = messages.pop()!;
      for (const message of messages) this.receive(message);
    }
  }

  private receive(message: string): void {
    const [, type, data] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? [];
    if (data === undefined) return;
    const { samples, log, ...parts } = JSON.parse(data) as DashboardUpdate;
    const before = type === 'all' ? undefined : (this.state as Seen);
    Object.assign(this.state, parts, {
      samples: [...(before?.samples ?? []), ...samples],
      log: [...(before?.log ?? []), ...log],
    });
    this.updates++;
  }
}
