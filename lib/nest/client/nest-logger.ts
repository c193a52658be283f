import type { Logger } from '@nestjs/common';
import type { ClusterClientOptions } from '../../client/client-options.js';
import type { LogLevel } from '../../cluster/logging/log-entry.js';

/** The methods of Nest's Logger for the levels of entries. */
const METHODS: Readonly<Record<LogLevel, 'error' | 'warn' | 'log' | 'debug'>> = {
  error: 'error',
  warn: 'warn',
  info: 'log',
  debug: 'debug',
};

/** Returns the options of a client, with the Logger of Nest if they ask for a log and have no logger of their own. */
export function withNestLogger(
  options: ClusterClientOptions,
  name: string,
  logger: Logger,
): ClusterClientOptions {
  if (options?.logging === undefined || options.logger !== undefined) return options;
  return {
    ...options,
    logger: ({ level, message }) => logger[METHODS[level]](`Cluster '${name}': ${message}`),
  };
}
