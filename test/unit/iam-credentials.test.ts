import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { CredentialsUnavailableError, InvalidArgumentError } from 'keyslot';
import { elastiCacheIamCredentials, memoryDbIamCredentials } from 'keyslot/credentials';
import { presign } from '../../lib/credentials/sigv4.js';

const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
];

// the query-signed requests of the AWS Signature Version 4 test suite
describe('a presigned request', () => {
  it.each<[string, Record<string, string>, string]>([
    [
      'get-vanilla-query-order-key-case',
      { Param2: 'value2', Param1: 'value1' },
      '86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5',
    ],
    [
      'get-vanilla-utf8-query',
      { ሴ: 'bar' },
      '0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600',
    ],
    [
      'get-vanilla-query-order-encoded',
      { 'Param-3': 'Value3', Param: 'Value2', ሴ: 'Value1' },
      'c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787',
    ],
    [
      'get-vanilla-query-unreserved',
      {
        '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz':
          '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
      },
      '8e76a88a7433637b12778d5592799b29ad21ecd6cf6325051c21d86f0acda2bf',
    ],
  ])('has the signature of the test vector %s', (_, query, signature) => {
    const request = {
      host: 'example.amazonaws.com',
      service: 'service',
      region: 'us-east-1',
      expiresInS: 3_600,
      at: new Date('2015-08-30T12:36:00Z'),
      query,
    };
    expect(presign(request, KEYS)).toMatch(
      new RegExp(`^example.amazonaws.com/\\?.*&X-Amz-Signature=${signature}$`),
    );
  });
});

describe('IAM credentials', () => {
  const saved = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  beforeEach(() => VARIABLES.forEach((name) => delete process.env[name]));
  afterEach(() => {
    jest.useRealTimers();
    for (const [name, value] of Object.entries(saved)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  // the signatures come from SignatureV4.presign of @smithy/signature-v4 5.7.5
  it('are a user and a presigned request of the service, without its scheme', async () => {
    jest.useFakeTimers({ now: new Date('2026-11-29T12:36:00.250Z') });
    const credentials = { ...KEYS, sessionToken: 'IQoJb3JpZ2lu+/Token==' };
    const serverless = elastiCacheIamCredentials({
      username: 'shop-app',
      cacheName: 'Shop',
      region: 'eu-central-1',
      serverless: true,
      credentials,
    });
    expect(await serverless()).toMatchObject({
      username: 'shop-app',
      password:
        'shop/?Action=connect&ResourceType=ServerlessCache&User=shop-app&X-Amz-Algorithm=AWS4-HMAC-SHA256' +
        '&X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Feu-central-1%2Felasticache%2Faws4_request' +
        '&X-Amz-Date=20261129T123600Z&X-Amz-Expires=900&X-Amz-Security-Token=IQoJb3JpZ2lu%2B%2FToken%3D%3D' +
        '&X-Amz-SignedHeaders=host' +
        '&X-Amz-Signature=81dee0a4c73ef8794cc1a52238bb4221c2f6d0d1dfdf0a78b1eb2909c61aa1d0',
    });
    process.env['AWS_REGION'] = 'eu-central-1';
    const memoryDb = memoryDbIamCredentials({
      username: 'shop-app',
      clusterName: 'shop',
      credentials: () => KEYS,
    });
    expect(await memoryDb()).toMatchObject({
      username: 'shop-app',
      password: expect.stringMatching(
        /^shop\/\?Action=connect&User=shop-app&.*=3ffc84f58b8eb5ffd606ba75110bce5a07f23089561af72e1f612e37c870c88d$/,
      ) as unknown,
    });
  });

  it('are renewed before 15 minutes are over, and before the keys that sign them end', async () => {
    const options = { username: 'app', clusterName: 'shop', region: 'eu-central-1' };
    const minutes = 60_000;
    for (let i = 0; i < 20; i++) {
      const { refreshAfterMs } = await memoryDbIamCredentials({ ...options, credentials: KEYS })();
      expect(refreshAfterMs).toBeGreaterThan(0.69 * 15 * minutes);
      expect(refreshAfterMs).toBeLessThan(0.86 * 15 * minutes);
    }
    const expiration = new Date(Date.now() + 2 * minutes);
    const short = await memoryDbIamCredentials({
      ...options,
      credentials: async () => ({ ...KEYS, expiration }),
    })();
    expect(short.refreshAfterMs).toBeLessThan(0.86 * 2 * minutes);
  });

  it('are signed with the keys in the environment', async () => {
    const options = { username: 'app', cacheName: 'shop', region: 'eu-central-1' };
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIDENVIRONMENT';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'planted';
    process.env['AWS_SESSION_TOKEN'] = 'of-the-session';
    const { password } = await elastiCacheIamCredentials(options)();
    expect(password).toContain('X-Amz-Credential=AKIDENVIRONMENT%2F');
    expect(password).toContain('X-Amz-Security-Token=of-the-session');
    expect(password).not.toContain('planted');
    delete process.env['AWS_ACCESS_KEY_ID'];
    const error: unknown = await elastiCacheIamCredentials(options)().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CredentialsUnavailableError);
    expect((error as Error).message).toContain('found no AWS keys in the environment. Set AWS_ACCESS_KEY_ID');
  });

  describe('of a container', () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyslot-iam-'));
    const seen: IncomingMessage[] = [];
    let status = 200;
    let body: unknown;
    let issuer: Server;
    const provider = () =>
      elastiCacheIamCredentials({ username: 'app', cacheName: 'shop', region: 'eu-west-1' })();
    beforeAll(async () => {
      issuer = createServer((request, response) => {
        seen.push(request);
        response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => issuer.once('listening', resolve));
    });
    beforeEach(() => {
      const { port } = issuer.address() as AddressInfo;
      process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `http://127.0.0.1:${port}/v1/credentials`;
      status = 200;
      body = {
        AccessKeyId: 'AKIDCONTAINER',
        SecretAccessKey: 'secret-of-the-container',
        Token: 'session',
        Expiration: new Date(Date.now() + 60_000).toISOString(),
      };
    });
    afterAll(async () => {
      rmSync(folder, { recursive: true });
      issuer.closeAllConnections();
      await new Promise((resolve) => issuer.close(resolve));
    });

    it('come from its endpoint, which receives the token in the file', async () => {
      const file = join(folder, 'token');
      process.env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] = file;
      for (const token of ['first', 'second']) {
        writeFileSync(file, `${token}\n`);
        const { password, refreshAfterMs } = await provider();
        expect(password).toContain('X-Amz-Credential=AKIDCONTAINER%2F');
        expect(refreshAfterMs).toBeLessThan(60_000);
        expect(seen.at(-1)?.headers.authorization).toBe(token);
        expect(seen.at(-1)?.url).toBe('/v1/credentials');
      }
    });

    it.each<[string, () => void, RegExp]>([
      [
        'a status that is none of success',
        () => (status = 503),
        /got status 503 from the AWS keys endpoint 127/,
      ],
      ['a reply without keys', () => (body = { AccessKeyId: 'only' }), /got a reply without keys/],
      ['a reply that is no JSON', () => (body = 'planted secret'), /got a reply without keys/],
      [
        'an endpoint elsewhere, without TLS',
        () => (process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = 'http://keys.example.com/'),
        /rejects the URL in AWS_CONTAINER_CREDENTIALS_FULL_URI: it needs https/,
      ],
      [
        'no URL',
        () => (process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = 'nonsense'),
        /rejects the URL in AWS_CONTAINER_CREDENTIALS_FULL_URI/,
      ],
      [
        'a file that is missing',
        () => (process.env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] = join(folder, 'none')),
        /cannot read AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: ENOENT/,
      ],
    ])('are unavailable with %s', async (_, change, message) => {
      change();
      const error: unknown = await provider().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CredentialsUnavailableError);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).not.toContain('planted');
    });
  });

  it.each<[string, () => unknown, string]>([
    ['a missing user', () => elastiCacheIamCredentials({ cacheName: 'a', region: 'r' } as never), 'username'],
    ['a missing region', () => elastiCacheIamCredentials({ username: 'a', cacheName: 'a' }), 'region'],
    [
      'an endpoint for the name',
      () => elastiCacheIamCredentials({ username: 'a', region: 'r', cacheName: 'shop.cache.example.com' }),
      'cacheName',
    ],
    ['no name', () => memoryDbIamCredentials({ username: 'a', region: 'r' } as never), 'clusterName'],
    [
      'keys that are none',
      () =>
        memoryDbIamCredentials({ username: 'a', region: 'r', clusterName: 'a', credentials: {} as never }),
      'credentials',
    ],
    [
      'a misspelt option',
      () => memoryDbIamCredentials({ username: 'a', region: 'r', clustername: 'a' } as never),
      'clustername',
    ],
    [
      'an option of the other service',
      () =>
        memoryDbIamCredentials({ username: 'a', region: 'r', clusterName: 'a', serverless: true } as never),
      'serverless',
    ],
    [
      'a word for a switch',
      () =>
        elastiCacheIamCredentials({ username: 'a', region: 'r', cacheName: 'a', serverless: 'no' as never }),
      'serverless',
    ],
  ])('reject %s at once', (_, make, option) => {
    expect(make).toThrow(InvalidArgumentError);
    expect(make).toThrow(option);
  });
});
