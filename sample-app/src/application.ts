import type { INestApplication, LogLevel } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const LOG_LEVELS: LogLevel[] = ['log', 'warn', 'error', 'fatal'];

/**
 * The application, ready to listen. What `main.ts` and the tests have in common.
 *
 * @throws ClusterError where the cluster cannot be used.
 */
export async function createApplication(logLevels: LogLevel[] = LOG_LEVELS): Promise<INestApplication> {
  const application = await NestFactory.create(AppModule, {
    logger: logLevels,
    abortOnError: false,
    // A browser keeps its event stream open for as long as it shows the page.
    forceCloseConnections: true,
  });
  return application.enableShutdownHooks();
}
