import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { describeOther } from '../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import type { Credentials } from '../cluster/options/credentials.js';
import { awsKeysFromEnvironment } from './aws-environment.js';
import { presign, type AwsCredentials } from './sigv4.js';
import { tokenCredentials } from './token-credentials.js';

/** What the IAM tokens of both services need. */
export interface IamOptions {
  /** The user's name, which must equal its id. */
  username: string;
  /** The region of the service. Default: the variable `AWS_REGION`, else `AWS_DEFAULT_REGION`. */
  region?: string | undefined;
  /**
   * The AWS keys that sign the tokens, or a function that returns them, such as `fromNodeProviderChain()` of
   * `@aws-sdk/credential-providers`. Default: the variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
   * `AWS_SESSION_TOKEN`, else the endpoint of an ECS task or of EKS Pod Identity.
   */
  credentials?: AwsCredentials | (() => AwsCredentials | Promise<AwsCredentials>) | undefined;
}

/** The options of `elastiCacheIamCredentials`. */
export interface ElastiCacheIamOptions extends IamOptions {
  /** The id of the replication group, or the name of the serverless cache; not an endpoint. */
  cacheName: string;
  /** Whether it is a serverless cache. Default false. */
  serverless?: boolean | undefined;
}

/** The options of `memoryDbIamCredentials`. */
export interface MemoryDbIamOptions extends IamOptions {
  /** The name of the cluster; not an endpoint. */
  clusterName: string;
}

/** What a token is signed for. */
interface TokenSubject {
  readonly service: string;
  readonly host: string;
  readonly query: Readonly<Record<string, string>>;
}

/** How long the services accept a token for new connections, in seconds. */
const LIFE_S = 900;
const COMMON_OPTIONS = ['username', 'region', 'credentials'] as const;

/**
 * Returns a `credentialsProvider` for ElastiCache with IAM: a user name, and a token as the password. A token is valid
 * for 15 minutes; it is renewed before that, and open connections are authenticated with the new one, so that the
 * service does not end them after 12 hours.
 * @throws InvalidArgumentError for a missing, unknown or malformed option. The provider rejects with
 *   `CredentialsUnavailableError` if there are no AWS keys
 */
export function elastiCacheIamCredentials(options: ElastiCacheIamOptions): () => Promise<Credentials> {
  checkOptionNames('elastiCacheIamCredentials', options, [...COMMON_OPTIONS, 'cacheName', 'serverless']);
  const { cacheName, serverless = false, username } = options;
  if (typeof serverless !== 'boolean') {
    throw new InvalidArgumentError(
      'serverless',
      `serverless must be true or false, got ${describeOther(serverless)}`,
    );
  }
  return iamCredentials(options, {
    service: 'elasticache',
    host: nameOf(cacheName, 'cacheName'),
    query: { Action: 'connect', User: username, ...(serverless && { ResourceType: 'ServerlessCache' }) },
  });
}

/**
 * Returns a `credentialsProvider` for MemoryDB with IAM; otherwise as `elastiCacheIamCredentials`.
 * @throws InvalidArgumentError for a missing, unknown or malformed option
 */
export function memoryDbIamCredentials(options: MemoryDbIamOptions): () => Promise<Credentials> {
  checkOptionNames('memoryDbIamCredentials', options, [...COMMON_OPTIONS, 'clusterName']);
  const { clusterName, username } = options;
  return iamCredentials(options, {
    service: 'memorydb',
    host: nameOf(clusterName, 'clusterName'),
    query: { Action: 'connect', User: username },
  });
}

function iamCredentials(
  { username, region: givenRegion, credentials }: IamOptions,
  subject: TokenSubject,
): () => Promise<Credentials> {
  const region = givenRegion ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  if (typeof username !== 'string' || username === '') refuse('username', 'the name of the user', username);
  if (typeof region !== 'string' || region === '')
    refuse('region', 'a region, here or in the variable AWS_REGION', region);
  if (credentials !== undefined && typeof credentials !== 'function' && !credentials?.accessKeyId)
    refuse('credentials', 'AWS keys, or a function that returns them', credentials);
  return tokenCredentials(async () => {
    const keys = await (typeof credentials === 'function'
      ? credentials()
      : (credentials ?? awsKeysFromEnvironment(process.env)));
    const at = new Date();
    const password = presign({ ...subject, region, expiresInS: LIFE_S, at }, keys);
    // a token does not outlive the keys that signed it
    const expiresAt = Math.min(at.getTime() + LIFE_S * 1_000, keys.expiration?.getTime() ?? Infinity);
    return { username, password, expiresAt };
  });
}

/** The services compare names in lower case. */
function nameOf(name: unknown, option: string): string {
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]*$/i.test(name))
    refuse(option, 'a name of letters, digits and hyphens rather than an endpoint', name);
  return name.toLowerCase();
}

function refuse(option: string, wanted: string, got: unknown): never {
  throw new InvalidArgumentError(option, `${option} must be ${wanted}, got ${describeOther(got)}`);
}
