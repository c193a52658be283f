import {
  AuthenticationError,
  ConnectionError,
  ReplyError,
  UnsupportedServerFeatureError,
} from '../common/errors.js';
import type { ResolvedClusterOptions } from '../options/options.js';
import type { Credentials } from '../options/credentials.js';
import type { Ask, Reply } from '../protocol/reply.js';

/** What a server reports in the handshake. */
export interface Greeting {
  /** The server's id of the connection; undefined if it does not report it. */
  readonly clientId: number | undefined;
  /** The node's identity in the cluster; see `identityQuestion`. */
  readonly identity: string | undefined;
}

const REFUSED_CREDENTIALS = new Set(['WRONGPASS', 'NOAUTH', 'NOPERM', 'DENIED']);

/**
 * Sets up a new connection: protocol, credentials and name, in one HELLO if the server knows it
 * (https://redis.io/commands/hello/), else by AUTH and CLIENT SETNAME. Requests the node's id at the same time. Then
 * selects the database.
 * @throws AuthenticationError; UnsupportedServerFeatureError if the server does not have the database
 */
export async function handshake(ask: Ask, options: ResolvedClusterOptions): Promise<Greeting> {
  const greeting = await introduce(ask, options);
  if (options.database !== 0) await selectDatabase(ask, options.database);
  return greeting;
}

async function introduce(ask: Ask, options: ResolvedClusterOptions): Promise<Greeting> {
  const credentials = await options.credentials();
  try {
    return await greet(ask, options, credentials);
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    // the provider's credentials may have been replaced meanwhile
    const fresh = await options.credentials();
    if (fresh?.username === credentials?.username && fresh?.password === credentials?.password) throw error;
    return greet(ask, options, fresh);
  }
}

async function selectDatabase(ask: Ask, database: number): Promise<void> {
  await ask('SELECT', String(database)).catch((error: unknown) => {
    if (!(error instanceof ReplyError)) throw error;
    throw new UnsupportedServerFeatureError(
      `Option database: ${database}`,
      `a cluster of Valkey 9 or later with \`cluster-databases\` above ${database}, and a user who may run SELECT`,
      { cause: error },
    );
  });
}

async function greet(
  ask: Ask,
  options: ResolvedClusterOptions,
  credentials: Credentials | undefined,
): Promise<Greeting> {
  const hello = ask('HELLO', String(options.protocol), ...helloArguments(credentials, options.clientName));
  const identity = options.identify(ask);
  try {
    return { clientId: idIn(await hello), identity: await identity };
  } catch (error) {
    if (isRefusal(error)) throw refusedBy(error, credentials);
    if (!(error instanceof ReplyError)) throw error;
    return { clientId: undefined, identity: await withoutHello(ask, options, credentials) };
  }
}

/**
 * Finds the client id in the reply of HELLO: alternating names and values in RESP2 and in our RESP3; ioredis
 * makes an object of the latter.
 */
function idIn(hello: Reply): number | undefined {
  const id = Array.isArray(hello) ? hello[hello.indexOf('id') + 1] : (hello as { id?: unknown } | null)?.id;
  // numbers may have been requested as text
  return typeof id === 'number' || typeof id === 'string' ? Number(id) : undefined;
}

function helloArguments(credentials: Credentials | undefined, clientName: string | undefined): string[] {
  const args: string[] = [];
  if (credentials !== undefined) args.push('AUTH', credentials.username ?? 'default', credentials.password);
  if (clientName !== undefined) args.push('SETNAME', clientName);
  return args;
}

async function withoutHello(
  ask: Ask,
  { clientName, identify }: ResolvedClusterOptions,
  credentials: Credentials | undefined,
): Promise<string | undefined> {
  const authenticated = credentials && authenticate(ask, credentials);
  const identity = identify(ask);
  await authenticated;
  // the name helps readers of CLIENT LIST; it is not worth failing for
  if (clientName !== undefined) await ask('CLIENT', 'SETNAME', clientName).catch(() => {});
  return identity;
}

/**
 * Authenticates a connection, new or in use. A connection that ends meanwhile does not count as a failure.
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
      ? 'the server requires credentials, and none are configured. Set username and password, or a credentialsProvider.'
      : 'the server rejects the configured credentials';
  return new AuthenticationError(`Authentication failed (${error.code}): ${advice}`);
}
