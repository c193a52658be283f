import type { ArgumentsHost } from '@nestjs/common';
import { throwError } from 'rxjs';
import type { ErrorAnswer } from './error-answers.js';

/** The answer for an error that is a bug in the application, in Nest's words. */
const DEFECT = { status: 'error', message: 'Internal server error' };

/**
 * Answers an error on one kind of host. An undefined answer means that the error is a bug in the application. Returns
 * or throws what Nest expects from a filter on that host.
 */
type AnswerChannel = (answer: ErrorAnswer | undefined, host: ArgumentsHost) => unknown;

/** How errors are answered outside of HTTP, by the type of Nest's host. Other hosts get the error itself. */
export const ANSWER_CHANNELS: ReadonlyMap<string, AnswerChannel> = new Map<string, AnswerChannel>([
  ['graphql', answerQuery],
  ['rpc', (answer) => throwError(() => (answer ? { status: 'error', ...answer } : DEFECT))],
  ['ws', answerSocket],
]);

/** If a resolver throws an error, GraphQL servers put its message and its `extensions` into the response. */
function answerQuery(answer: ErrorAnswer | undefined): never {
  const { message, code, statusCode } = answer ?? {
    ...DEFECT,
    code: 'INTERNAL_SERVER_ERROR',
    statusCode: 500,
  };
  throw Object.assign(new Error(message), { extensions: { code, statusCode } });
}

/** The client of a gateway. Socket.IO's has `emit`; a WebSocket has `readyState` and `send`. */
interface SocketClient {
  readonly readyState?: unknown;
  emit?(event: string, payload: unknown): unknown;
  send?(text: string): unknown;
}

function answerSocket(answer: ErrorAnswer | undefined, host: ArgumentsHost): void {
  const socket = host.switchToWs();
  const client = socket.getClient<SocketClient>();
  const cause = { pattern: socket.getPattern(), data: socket.getData<unknown>() };
  const payload = { ...(answer ? { status: 'error', ...answer } : DEFECT), cause };
  if (typeof client.readyState === 'number')
    client.send?.(JSON.stringify({ event: 'exception', data: payload }));
  else client.emit?.('exception', payload);
}
