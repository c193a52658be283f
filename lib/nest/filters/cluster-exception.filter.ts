import {
  Catch,
  HttpException,
  HttpStatus,
  Inject,
  Logger,
  Optional,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { describeKind } from '../../cluster/common/describe-value.js';
import { ClusterError, InvalidArgumentError } from '../../cluster/common/errors.js';
import { ANSWER_CHANNELS } from './answer-channels.js';
import { answerTo, type ErrorAnswer } from './error-answers.js';
import { checkFilterOptions, type ClusterExceptionFilterOptions } from './filter-options.js';

/**
 * Answers requests that failed with a `ClusterError`: 404, 409, 503 with `Retry-After`, 504, or 500. The body has the
 * status, the error's `code` and a fixed message. It contains no keys, nodes, commands or values. Nest handles all
 * other errors.
 *
 * Works for HTTP on every platform, GraphQL, microservices and gateways. Message handlers have no caller, so their
 * errors are logged as they are without the filter.
 *
 * ```ts
 * providers: [{ provide: APP_FILTER, useClass: ClusterExceptionFilter }]
 * ```
 */
@Catch(ClusterError)
export class ClusterExceptionFilter implements ExceptionFilter<ClusterError> {
  private readonly logger = new Logger(ClusterExceptionFilter.name);
  private readonly options: ClusterExceptionFilterOptions;

  /**
   * @param adapterHost `app.get(HttpAdapterHost)`, for `app.useGlobalFilters()`
   * @throws InvalidArgumentError without an adapter host, for an unknown option, or an invalid value
   */
  constructor(
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
    @Optional() options: ClusterExceptionFilterOptions = {},
  ) {
    if (typeof adapterHost !== 'object' || adapterHost === null || !('httpAdapter' in adapterHost)) {
      throw new InvalidArgumentError(
        'adapterHost',
        'ClusterExceptionFilter needs app.get(HttpAdapterHost) as its first argument, before the options, ' +
          `got ${describeKind(adapterHost)}`,
      );
    }
    checkFilterOptions(options);
    this.options = options;
  }

  /** Answers the error. Nest calls it. */
  catch(error: ClusterError, host: ArgumentsHost): unknown {
    const type = host.getType<string>();
    const answer = answerTo(error, this.options.statusByCode);
    if (type === 'http') return this.answerRequest(host, error, answer);
    const channel = ANSWER_CHANNELS.get(type);
    if (channel === undefined) throw error;
    if (answer === undefined) this.logger.error(error);
    else this.logUnavailable(error, answer);
    return channel(answer, host);
  }

  private answerRequest(host: ArgumentsHost, error: ClusterError, answer: ErrorAnswer | undefined): void {
    const { httpAdapter } = this.adapterHost;
    const ofNest = new BaseExceptionFilter(httpAdapter);
    if (answer === undefined) return ofNest.catch(error, host);
    this.logUnavailable(error, answer);
    const response: unknown = host.switchToHttp().getResponse();
    if (answer.statusCode === HttpStatus.SERVICE_UNAVAILABLE && !httpAdapter.isHeadersSent(response))
      httpAdapter.setHeader(response, 'Retry-After', String(this.options.retryAfterSeconds ?? 1));
    ofNest.catch(new HttpException(answer, answer.statusCode), host);
  }

  /** Logs only errors that the caller did not cause. */
  private logUnavailable(error: ClusterError, { statusCode }: ErrorAnswer): void {
    if (statusCode >= 500) this.logger.warn(error.message);
  }
}
