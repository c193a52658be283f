import type { INestApplication, LogLevel } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { DemoModule } from './demo/demo.module.js';
import type { Stage } from './demo/stage.js';

const LOG_LEVELS: LogLevel[] = ['log', 'warn', 'error', 'fatal'];

/**
 * The application, ready to listen. What its programs and the tests have in common.
 *
 * @param stage the cluster, where visitors may break it
 * @throws ClusterError where the cluster cannot be used.
 */
export function createApplication(
  logLevels: LogLevel[] = LOG_LEVELS,
  stage?: Stage,
): Promise<INestApplication> {
  const demo = stage ? DemoModule.on(stage) : DemoModule;
  return NestFactory.create(
    { module: AppModule, imports: [demo] },
    {
      logger: logLevels,
      abortOnError: false,
      // A browser keeps its event stream open for as long as it shows the page.
      forceCloseConnections: true,
    },
  );
}
