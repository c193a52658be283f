import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  Controller,
  Get,
  Inject,
  NotFoundException,
  Param,
  Query,
  Req,
  Res,
  ServiceUnavailableException,
  UseGuards,
  VERSION_NEUTRAL,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ResolvedDashboardOptions } from './dashboard-options.js';
import { EventStream } from './http/event-stream.js';
import { PageFiles } from './http/page-files.js';
import { DashboardClusters } from './monitors/dashboard-clusters.js';

/** A request of Express or Fastify. */
interface HttpRequest {
  readonly originalUrl?: string;
  readonly url: string;
  readonly method: string;
}

/** A response of Express, or a reply of Fastify. */
interface HttpResponse {
  readonly raw?: ServerResponse<IncomingMessage>;
  hijack?(): void;
}

/** The page loads nothing from elsewhere and runs no script of another origin. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

/**
 * Creates the controller of a dashboard. It only reads. It writes to the response itself, so that interceptors of the
 * application cannot change the page.
 */
export function createDashboardController({ path, guards }: ResolvedDashboardOptions): Type {
  // a class of its own for each path and its guards
  @Controller({ path, version: VERSION_NEUTRAL })
  class ClusterDashboardController {
    constructor(
      @Inject(DashboardClusters) private readonly clusters: DashboardClusters,
      @Inject(PageFiles) private readonly files: PageFiles,
      @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    ) {}

    // Fastify takes the path with a slash at its end for another one; Nest removes one of two
    @Get(['', '//'])
    page(@Req() { originalUrl, url }: HttpRequest, @Res() response: HttpResponse): void {
      this.reply(response, 'text/html; charset=utf-8', this.files.pageAt(originalUrl ?? url));
    }

    @Get('assets/:name')
    asset(@Param('name') name: string, @Res() response: HttpResponse): void {
      const file = this.files.find(name);
      if (file === undefined) throw new NotFoundException();
      this.reply(response, file.type, file.text);
    }

    @Get('events')
    events(
      @Query('cluster') name: string | undefined,
      @Req() { method }: HttpRequest,
      @Res() response: HttpResponse,
    ): void {
      const viewers = this.clusters.viewersOf(name);
      if (viewers === undefined) throw new NotFoundException('There is no cluster of this name');
      if (!this.clusters.hasRoom) throw new ServiceUnavailableException('No more viewers at present');
      response.hijack?.();
      const stream = new EventStream(response.raw ?? (response as ServerResponse));
      if (method === 'HEAD') return stream.end();
      stream.onEnd(viewers.add(stream));
    }

    private reply(response: HttpResponse, type: string, body: string): void {
      const { httpAdapter } = this.host;
      const headers = {
        'Content-Type': type,
        'Cache-Control': 'no-cache',
        'Content-Security-Policy': POLICY,
        'X-Content-Type-Options': 'nosniff',
        'Referrer-Policy': 'no-referrer',
      };
      for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
      httpAdapter.reply(response, body, 200);
    }
  }
  // what @ApiExcludeController() of @nestjs/swagger does: a page is no part of an API
  Reflect.defineMetadata('swagger/apiExcludeController', [true], ClusterDashboardController);
  if (guards.length > 0) UseGuards(...guards)(ClusterDashboardController);
  return ClusterDashboardController;
}
