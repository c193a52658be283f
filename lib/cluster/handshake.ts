import { AuthenticationError, ConnectionError, ReplyError } from './errors.js';
import type { Credentials, ResolvedClusterOptions } from './options.js';
import type { Reply } from './reply.js';

/** Sends one command on a fresh connection. */
export type Ask = (name: string, ...args: string[]) => Promise<Reply>;

const REFUSED_CREDENTIALS = new Set(['WRONGPASS', 'NOAUTH', 'NOPERM', 'DENIED']);

/**
 * Makes a fresh connection ours: protocol, credentials and name in one HELLO where the server knows it
 * (https://redis.io/commands/hello/), by AUTH and CLIENT SETNAME where it does not.
 * @returns what the server calls the connection; undefined where it does not say
 * @throws AuthenticationError
 */
export async function handshake(ask: Ask, options: ResolvedClusterOptions): Promise<number | undefined> {
  const credentials = await options.credentials();
  try {
    return await greet(ask, options, credentials);
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    // what a provider said may have been replaced while we were on our way with it
    const fresh = await options.credentials();
    if (fresh?.username === credentials?.username && fresh?.password === credentials?.password) throw error;
    return greet(ask, options, fresh);
  }
}

async function greet(
  ask: Ask,
  { protocol, clientName }: ResolvedClusterOptions,
  credentials: Credentials | undefined,
): Promise<number | undefined> {
  try {
    return idIn(await ask('HELLO', String(protocol), ...helloArguments(credentials, clientName)));
  } catch (error) {
    if (isRefusal(error)) throw refusedBy(error, credentials);
    if (!(error instanceof ReplyError)) throw error;
    await withoutHello(ask, credentials, clientName);
    return undefined;
  }
}

/** Names and values in turn, in RESP2 and, as we read it, in RESP3. */
function idIn(hello: Reply): number | undefined {
  const id = Array.isArray(hello) ? hello[hello.indexOf('id') + 1] : undefined;
  return typeof id === 'number' ? id : undefined;
}

function helloArguments(credentials: Credentials | undefined, clientName: string | undefined): string[] {
  const args: string[] = [];
  if (credentials !== undefined) args.push('AUTH', credentials.username ?? 'default', credentials.password);
  if (clientName !== undefined) args.push('SETNAME', clientName);
  return args;
}

async function withoutHello(
  ask: Ask,
  credentials: Credentials | undefined,
  clientName: string | undefined,
): Promise<void> {
  if (credentials !== undefined) await authenticate(ask, credentials);
  // a name is a help for whoever looks at CLIENT LIST; a server that will not have it is no reason to stay away
  if (clientName !== undefined) await ask('CLIENT', 'SETNAME', clientName).catch(() => {});
}

/**
 * Authenticates a connection, be it fresh or in use. One that ends meanwhile is no failure of this.
 * @throws AuthenticationError
 */
export async function authenticate(ask: Ask, credentials: Credentials): Promise<void> {
  const { username, password } = credentials;
  const words = username === undefined ? [password] : [username, password];
  await ask('AUTH', ...words).catch((error: unknown) => {
    if (error instanceof ReplyError) throw refusedBy(error, credentials);
    if (!(error instanceof ConnectionError)) throw error;
  });
}

function isRefusal(error: unknown): error is ReplyError {
  return error instanceof ReplyError && REFUSED_CREDENTIALS.has(error.code);
}

function refusedBy(error: ReplyError, credentials: Credentials | undefined): AuthenticationError {
  const advice =
    credentials === undefined
      ? 'the server wants credentials and none are configured; set username and password, or a credentialsProvider'
      : 'the server refuses the configured credentials';
  return new AuthenticationError(`Authentication failed (${error.code}): ${advice}`);
}
