import { createHash, createHmac } from 'node:crypto';

/** The keys of an AWS identity, as the credential providers of the AWS SDK return them. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Set for temporary keys. */
  readonly sessionToken?: string | undefined;
  /** When temporary keys end. */
  readonly expiration?: Date | undefined;
}

/** A GET request of the path `/` to sign. */
export interface UnsignedRequest {
  readonly host: string;
  readonly query: Readonly<Record<string, string>>;
  readonly service: string;
  readonly region: string;
  /** How long the signature is valid, in seconds. */
  readonly expiresInS: number;
  readonly at: Date;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * Returns a presigned URL without its scheme, `host/?query`, by AWS Signature Version 4
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 */
export function presign(request: UnsignedRequest, keys: AwsCredentials): string {
  const { host, service, region, expiresInS, at } = request;
  const time = at.toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = [time.slice(0, 8), region, service, 'aws4_request'];
  const query = canonicalQuery({
    ...request.query,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': [keys.accessKeyId, ...scope].join('/'),
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresInS),
    ...(keys.sessionToken !== undefined && { 'X-Amz-Security-Token': keys.sessionToken }),
    'X-Amz-SignedHeaders': 'host',
  });
  const canonical = ['GET', '/', query, `host:${host}`, '', 'host', hashOf('')].join('\n');
  const toSign = [ALGORITHM, time, scope.join('/'), hashOf(canonical)].join('\n');
  const key = scope.reduce<string | Buffer>(
    (last, word) => createHmac('sha256', last).update(word).digest(),
    `AWS4${keys.secretAccessKey}`,
  );
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  return `${host}/?${query}&X-Amz-Signature=${signature}`;
}

/** Returns the parameters as a query, sorted by their encoded names. */
function canonicalQuery(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(([name, value]) => [encoded(name), encoded(value)] as const);
  return pairs
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Encodes all but the unreserved characters of RFC 3986. */
function encoded(text: string): string {
  const hex = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, hex);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
