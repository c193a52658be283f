import {
  ClientClosedError,
  ClusterError,
  BackpressureError,
  DeadlineExceededError,
  DurabilityError,
  LeaseTimeoutError,
  OutcomeUnknownError,
  ReplyError,
  TransactionConflictError,
  UnreadableReplyError,
} from '../common/errors.js';

/** Where a command was when it failed. */
export interface ErrorPlace {
  /** In upper case. */
  readonly command: string;
  /** `host:port`, if a node had the command or was to have it. */
  readonly node: string | undefined;
  readonly slot: number | undefined;
  readonly attempts: number;
  /** Only where the application wants the keys in errors. */
  readonly keys?: readonly string[] | undefined;
}

/** Errors that are made for one command. Others are shared by all commands that meet the same obstacle. */
const OWN_ERRORS = [
  ReplyError,
  DeadlineExceededError,
  OutcomeUnknownError,
  DurabilityError,
  UnreadableReplyError,
  BackpressureError,
  LeaseTimeoutError,
  TransactionConflictError,
] as const;

/** Whether an error is one that is made for one command, and does not say yet for which. */
export function lacksPlace(error: unknown): error is ClusterError {
  return error instanceof ClusterError && error.command === undefined && isOwn(error);
}

const isOwn = (error: ClusterError): boolean => OWN_ERRORS.some((type) => error instanceof type);

/** Returns the error with its place: in its fields, and in its message. An error that is shared is copied. */
export function placed(error: Error, place: ErrorPlace): Error {
  if (!(error instanceof ClusterError) || error.command !== undefined) return error;
  const own = isOwn(error) ? error : copyOf(error);
  setPlace(own as Mutable<ClusterError>, place);
  return own;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Assigns rather than defines, which takes several times as long; a message stays not enumerable. */
function setPlace(error: Mutable<ClusterError>, place: ErrorPlace): void {
  const { command, node, slot, attempts, keys } = place;
  // callers of ioredis know the message of a closed client by heart
  if (!(error instanceof ClientClosedError)) error.message = messageWith(error.message, place);
  error.command = command;
  if (node !== undefined) error.node = node;
  if (slot !== undefined) error.slot = slot;
  error.attempts = attempts;
  if (keys !== undefined)
    Object.defineProperty(error, 'keys', { value: keys, configurable: true, writable: true });
}

function messageWith(message: string, { command, node }: ErrorPlace): string {
  const at = node === undefined || message.includes(node) ? '' : `on ${node}`;
  const what = message.toUpperCase().startsWith(command) ? '' : command;
  const place = [what, at].filter((part) => part !== '').join(' ');
  return place === '' ? message : `${message} (${place})`;
}

/** Copies an error, except its stack: reading that formats it, which costs more than all the rest. */
function copyOf(error: ClusterError): ClusterError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0; // its stack will be that of its caller
  const copy = Object.setPrototypeOf(new Error(error.message), Object.getPrototypeOf(error) as object);
  Error.stackTraceLimit = limit;
  for (const name of Object.getOwnPropertyNames(error)) {
    if (name === 'stack') continue;
    Object.defineProperty(copy, name, Object.getOwnPropertyDescriptor(error, name)!);
  }
  return copy as ClusterError;
}
