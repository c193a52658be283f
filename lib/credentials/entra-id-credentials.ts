import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { describeKind } from '../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { CredentialsUnavailableError, type Credentials } from '../cluster/options/credentials.js';
import { tokenCredentials } from './token-credentials.js';

/** What `entraIdCredentials` uses of a credential of `@azure/identity`, such as `DefaultAzureCredential`. */
export interface EntraIdTokenSource {
  getToken(scope: string): Promise<{ token: string; expiresOnTimestamp: number } | null>;
}

/** The options of `entraIdCredentials`. */
export interface EntraIdOptions {
  /** A credential of `@azure/identity`: `new DefaultAzureCredential()`, `new ManagedIdentityCredential()`, … */
  credential: EntraIdTokenSource;
  /** The object id of the identity. Default: the one in the token (its claim `oid`). */
  username?: string | undefined;
  /** The scope of the token. Default `https://redis.azure.com/.default`. */
  scope?: string | undefined;
}

const REDIS_SCOPE = 'https://redis.azure.com/.default';

/**
 * Returns a `credentialsProvider` for Azure with Microsoft Entra ID: the object id of an identity, and its token as the
 * password. The token is renewed before it ends, and open connections are authenticated with the new one, because Azure
 * closes connections whose token has ended.
 * @throws InvalidArgumentError for a missing, unknown or malformed option. The provider rejects with
 *   `CredentialsUnavailableError` if there is no token, or no object id in it
 */
export function entraIdCredentials(options: EntraIdOptions): () => Promise<Credentials> {
  checkOptionNames('entraIdCredentials', options, ['credential', 'username', 'scope']);
  const { credential, username, scope = REDIS_SCOPE } = options;
  if (typeof credential?.getToken !== 'function') {
    throw new InvalidArgumentError(
      'credential',
      `credential must be a credential of @azure/identity, got ${describeKind(credential)}`,
    );
  }
  for (const [name, value] of Object.entries({ username, scope })) {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new InvalidArgumentError(name, `${name} must be text, got ${describeKind(value)}`);
  }
  return tokenCredentials(async () => {
    const answer = await credential.getToken(scope);
    if (answer === null) throw new CredentialsUnavailableError('got no token from the credential');
    const { token, expiresOnTimestamp } = answer;
    return { username: username ?? objectIdIn(token), password: token, expiresAt: expiresOnTimestamp };
  });
}

/** Returns the object id in the claims of a token. */
function objectIdIn(token: string): string {
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  } catch {
    // not a JSON web token
  }
  const { oid } = (claims ?? {}) as { oid?: unknown };
  if (typeof oid === 'string') return oid;
  throw new CredentialsUnavailableError(
    'found no object id in the token. Pass the object id of the identity as `username`',
  );
}
