import { type ArgumentsHost, Catch, type ExceptionFilter, HttpStatus, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { BaseWsExceptionFilter } from '@nestjs/websockets';
import { ClusterError } from 'keyslot';

const { BAD_REQUEST, NOT_FOUND, CONFLICT, SERVICE_UNAVAILABLE, INTERNAL_SERVER_ERROR } = HttpStatus;

/** What is the caller's doing. The rest is ours: passing (503) where the error is retryable, else a defect (500). */
const STATUS_BY_CODE: Readonly<Record<string, HttpStatus>> = {
  INVALID_ARGUMENT: BAD_REQUEST,
  ENTITY_NOT_FOUND: NOT_FOUND,
  ENTITY_EXISTS: CONFLICT,
  VERSION_CONFLICT: CONFLICT,
  UNIQUE_VIOLATION: CONFLICT,
  CLIENT_CLOSED: SERVICE_UNAVAILABLE,
};

/** Answers what the cluster client threw. Handlers of messages have nobody to answer: Nest logs their errors. */
@Catch(ClusterError)
export class ClusterErrorFilter implements ExceptionFilter<ClusterError> {
  private readonly logger = new Logger(ClusterErrorFilter.name);

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: ClusterError, host: ArgumentsHost): void {
    if (host.getType() === 'ws') return new BaseWsExceptionFilter().catch(error, host);
    if (host.getType() !== 'http') throw error;
    const { httpAdapter } = this.adapterHost;
    const response: unknown = host.switchToHttp().getResponse();
    const statusCode = statusOf(error);
    if (statusCode === INTERNAL_SERVER_ERROR) this.logger.error(error);
    if (statusCode === SERVICE_UNAVAILABLE) this.logger.warn(error.message);
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response);
      return;
    }
    if (statusCode === SERVICE_UNAVAILABLE) httpAdapter.setHeader(response, 'Retry-After', '1');
    httpAdapter.reply(
      response,
      { statusCode, code: error.code, message: messageFor(error, statusCode) },
      statusCode,
    );
  }
}

function statusOf({ code, retryable, applied }: ClusterError): HttpStatus {
  const passing = retryable || applied === 'unknown';
  return STATUS_BY_CODE[code] ?? (passing ? SERVICE_UNAVAILABLE : INTERNAL_SERVER_ERROR);
}

/** The messages of our own troubles name nodes and keys, which are nobody else's business. */
function messageFor({ message, applied }: ClusterError, status: HttpStatus): string {
  if (status < INTERNAL_SERVER_ERROR) return message;
  if (applied === 'unknown')
    return 'This may or may not have been done. It is safe to send the same order again';
  return status === SERVICE_UNAVAILABLE ? 'Not possible just now. Try again' : 'Internal server error';
}
