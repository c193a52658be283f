import type { ArgumentsHost } from '@nestjs/common';
import { throwError } from 'rxjs';
import type { ErrorAnswer } from './error-answers.js';

/** What callers get of an error that is a defect of the application. The words are Nest's. */
const DEFECT = { status: 'error', message: 'Internal server error' };

/**
 * Answers an error in the way of one kind of host; without an answer, the error is a defect. Returns or throws what
 * Nest expects of a filter there.
 */
type AnswerChannel = (answer: ErrorAnswer | undefined, host: ArgumentsHost) => unknown;

/** How an error is answered outside of HTTP, by the type of Nest's host. Other hosts get the error itself. */
export const ANSWER_CHANNELS: ReadonlyMap<string, AnswerChannel> = new Map<string, AnswerChannel>([
  ['graphql', answerQuery],
  ['rpc', (answer) => throwError(() => (answer ? { status: 'error', ...answer } : DEFECT))],
  ['ws', answerSocket],
]);

/** GraphQL servers put the message and the `extensions` of an error that a resolver throws into the response. */
function answerQuery(answer: ErrorAnswer | undefined): never {
  const { message, code, statusCode } = answer ?? {
    ...DEFECT,
    code: 'INTERNAL_SERVER_ERROR',
    statusCode: 500,
  };
  throw Object.assign(new Error(message), { extensions: { code, statusCode } });
}

/** What the clients of both kinds of gateways have: `emit` is Socket.IO's, `readyState` and `send` a WebSocket's. */
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
