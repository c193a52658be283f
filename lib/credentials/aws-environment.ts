import { readFile } from 'node:fs/promises';
import { CredentialsUnavailableError } from '../cluster/options/credentials.js';
import type { AwsCredentials } from './sigv4.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where containers of ECS receive their keys. */
const ECS_HOST = 'http://169.254.170.2';
/** The hosts that may receive the authorization of a container without TLS: the container's own, ECS and EKS. */
const LOCAL_HOSTS: ReadonlySet<string> = new Set([
  'localhost',
  '127.0.0.1',
  '[::1]',
  '169.254.170.2',
  '169.254.170.23',
  '[fd00:ec2::23]',
]);
/** How long the endpoint of a container may take, in ms. */
const PATIENCE_MS = 1_500;

/**
 * Reads AWS keys from the environment: the variables `AWS_ACCESS_KEY_ID` and its companions, or the endpoint that ECS
 * tasks and EKS Pod Identity provide (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, `AWS_CONTAINER_CREDENTIALS_FULL_URI`).
 * @throws CredentialsUnavailableError
 */
export async function awsKeysFromEnvironment(environment: Environment): Promise<AwsCredentials> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
    return {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      sessionToken: AWS_SESSION_TOKEN,
    };
  }
  const endpoint = endpointIn(environment);
  if (endpoint !== undefined) return keysOfContainer(endpoint, environment);
  throw new CredentialsUnavailableError(
    'found no AWS keys in the environment. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass `credentials`, ' +
      'such as fromNodeProviderChain() of @aws-sdk/credential-providers',
  );
}

function endpointIn(environment: Environment): URL | undefined {
  const relative = environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const full = environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  const text = relative ? `${ECS_HOST}${relative}` : full;
  if (!text) return undefined;
  const endpoint = URL.canParse(text) ? new URL(text) : undefined;
  if (endpoint === undefined || (endpoint.protocol !== 'https:' && !LOCAL_HOSTS.has(endpoint.hostname))) {
    throw new CredentialsUnavailableError(
      'rejects the URL in AWS_CONTAINER_CREDENTIALS_FULL_URI: it needs https, or a host of this machine, ECS or EKS',
    );
  }
  return endpoint;
}

async function keysOfContainer(endpoint: URL, environment: Environment): Promise<AwsCredentials> {
  const reply = await fetch(endpoint, {
    headers: await authorizationIn(environment),
    signal: AbortSignal.timeout(PATIENCE_MS),
    redirect: 'error',
  }).catch(() => {
    throw new CredentialsUnavailableError(`got no reply from the AWS keys endpoint ${endpoint.host}`);
  });
  if (!reply.ok) {
    throw new CredentialsUnavailableError(
      `got status ${reply.status} from the AWS keys endpoint ${endpoint.host}`,
    );
  }
  const keys = (await reply.json().catch(() => ({}))) as Record<string, unknown>;
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = keys;
  if (typeof AccessKeyId !== 'string' || typeof SecretAccessKey !== 'string') {
    throw new CredentialsUnavailableError(
      `got a reply without keys from the AWS keys endpoint ${endpoint.host}`,
    );
  }
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: typeof Token === 'string' ? Token : undefined,
    expiration: typeof Expiration === 'string' ? new Date(Expiration) : undefined,
  };
}

/** The token for the endpoint. EKS replaces its file, so it is read every time. */
async function authorizationIn(environment: Environment): Promise<Record<string, string>> {
  const file = environment['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  if (!file) {
    const token = environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
    return token ? { authorization: token } : {};
  }
  const text = await readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new CredentialsUnavailableError(`cannot read AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: ${code}`);
  });
  return { authorization: text.trim() };
}
