import type { IssuedCredentials } from 'keyslot/credentials';
import { fakeClock, pass } from '../fake-clock.js';

fakeClock();
const { entraIdCredentials, fileCredentials, tokenCredentials } = await import('keyslot/credentials');

const LIFE_MS = 100_000;

/** An issuer whose tokens are numbered. */
function issuer(answer: (n: number) => Partial<IssuedCredentials> = () => ({})) {
  const counts = { issued: 0 };
  const issue = async (): Promise<IssuedCredentials> => {
    const n = ++counts.issued;
    await pass(0);
    return { username: 'app', password: `token-${n}`, expiresAt: Date.now() + LIFE_MS, ...answer(n) };
  };
  return { counts, provider: tokenCredentials(issue) };
}

describe('token credentials', () => {
  it('request one token for all callers, and keep it until 70 to 85 percent of its life are over', async () => {
    const renewals: number[] = [];
    for (let i = 0; i < 30; i++) {
      const { counts, provider } = issuer();
      const all = await Promise.all(Array.from({ length: 20 }, () => provider()));
      expect(new Set(all.map(({ password }) => password))).toEqual(new Set(['token-1']));
      const { refreshAfterMs } = all[0];
      renewals.push(refreshAfterMs!);
      await pass(refreshAfterMs! - 10);
      expect((await provider()).password).toBe('token-1');
      await pass(10);
      expect(await provider()).toMatchObject({ username: 'app', password: 'token-2' });
      expect(counts.issued).toBe(2);
    }
    expect(Math.min(...renewals)).toBeGreaterThanOrEqual(0.7 * LIFE_MS);
    expect(Math.max(...renewals)).toBeLessThanOrEqual(0.86 * LIFE_MS);
    // at random, so that a fleet does not renew at one moment
    expect(new Set(renewals).size).toBeGreaterThan(20);
  });

  it('keep a token while it is valid if a renewal fails, and try again soon', async () => {
    let fails = false;
    const { counts, provider } = issuer(() => {
      if (fails) throw new Error('the issuer is down');
      return {};
    });
    const { refreshAfterMs } = await provider();
    fails = true;
    await pass(refreshAfterMs!);
    const kept = await provider();
    expect(kept.password).toBe('token-1');
    expect(kept.refreshAfterMs).toBeLessThanOrEqual(10_002);
    const before = counts.issued;
    await pass(kept.refreshAfterMs!);
    expect((await provider()).password).toBe('token-1');
    expect(counts.issued).toBe(before + 1);
    await pass(LIFE_MS);
    await expect(provider()).rejects.toThrow('the issuer is down');
    fails = false;
    expect((await provider()).password).toMatch(/^token-\d+$/);
  });

  it('keep a token while it is valid if the issuer does not answer, and ask it again', async () => {
    const unanswered = [2, 3];
    let late: (() => void) | undefined;
    const counts = { issued: 0 };
    const provider = tokenCredentials(async () => {
      const n = ++counts.issued;
      if (unanswered.includes(n)) await new Promise<void>((resolve) => (late = resolve));
      return { password: `token-${n}`, expiresAt: Date.now() + LIFE_MS };
    });
    await pass((await provider()).refreshAfterMs!);
    const kept = provider();
    await pass(1_000);
    expect((await kept).password).toBe('token-1');
    // nobody waits again before the next attempt is due
    expect((await provider()).password).toBe('token-1');
    await pass(LIFE_MS);
    const failed = expect(provider()).rejects.toMatchObject({ code: 'CREDENTIALS_UNAVAILABLE' });
    await pass(10_000);
    await failed;
    expect(await provider()).toMatchObject({ password: 'token-4' });
    // the answer to the third request comes now, and is older
    late!();
    await pass(0);
    expect(await provider()).toMatchObject({ password: 'token-4' });
  });

  it('use an answer that comes late', async () => {
    const provider = tokenCredentials(async () => {
      await new Promise((resolve) => setTimeout(resolve, 12_000));
      return { password: 'late', expiresAt: Date.now() + LIFE_MS };
    });
    const failed = expect(provider()).rejects.toMatchObject({ code: 'CREDENTIALS_UNAVAILABLE' });
    await pass(10_000);
    await failed;
    await pass(2_000);
    expect((await provider()).password).toBe('late');
  });

  it('accept a Date, and reject a token that has ended or says no end', async () => {
    expect(await issuer(() => ({ expiresAt: new Date(Date.now() + LIFE_MS) })).provider()).toMatchObject({
      password: 'token-1',
    });
    await expect(issuer(() => ({ expiresAt: Date.now() - 1 })).provider()).rejects.toMatchObject({
      code: 'CREDENTIALS_UNAVAILABLE',
      message: expect.stringContaining('Check the clock of this machine') as unknown,
    });
    await expect(issuer(() => ({ expiresAt: undefined as never })).provider()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('ask at most once a second for a token that ends in a moment', async () => {
    const { provider } = issuer(() => ({ expiresAt: Date.now() + 1_100 }));
    expect((await provider()).refreshAfterMs).toBeGreaterThanOrEqual(1_000);
  });

  it('never wait longer than a timer can', async () => {
    const { provider } = issuer(() => ({ expiresAt: Date.now() + 100 * 365 * 86_400_000 }));
    expect((await provider()).refreshAfterMs).toBe(2 ** 31 - 1);
  });
});

describe('Entra ID credentials', () => {
  const tokenOf = (claims: object): string =>
    `${btoa('{}')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;
  const credentialOf = (token: string | null) => ({
    scopes: [] as string[],
    async getToken(scope: string) {
      this.scopes.push(scope);
      return token === null ? null : { token, expiresOnTimestamp: Date.now() + LIFE_MS };
    },
  });

  it('are the object id in the token, and the token, for the scope of Redis', async () => {
    const token = tokenOf({ oid: '5f0c7b3e', name: 'é' });
    const credential = credentialOf(token);
    expect(await entraIdCredentials({ credential })()).toMatchObject({
      username: '5f0c7b3e',
      password: token,
    });
    const scope = 'https://redis.example.com/.default';
    expect(await entraIdCredentials({ credential, username: 'other', scope })()).toMatchObject({
      username: 'other',
    });
    expect(credential.scopes).toEqual(['https://redis.azure.com/.default', scope]);
  });

  it.each([
    ['no token', null, 'got no token'],
    ['a token without an object id', tokenOf({ sub: 'x' }), 'found no object id in the token'],
    ['a token of another form', 'planted', 'found no object id in the token'],
  ])('are unavailable with %s', async (_, token, message) => {
    const failure = entraIdCredentials({ credential: credentialOf(token) })();
    await expect(failure).rejects.toMatchObject({ code: 'CREDENTIALS_UNAVAILABLE' });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.not.toThrow('planted');
  });
});

it.each<[string, () => unknown, string]>([
  ['a credential that is none', () => entraIdCredentials({ credential: {} as never }), 'credential must be'],
  [
    'an empty user',
    () => entraIdCredentials({ credential: { getToken: async () => null }, username: '' }),
    'username',
  ],
  ['an unknown option', () => entraIdCredentials({ credentials: 1 } as never), 'did you mean credential?'],
  ['no function', () => tokenCredentials(undefined as never), 'tokenCredentials needs a function'],
  ['no file', () => fileCredentials({} as never), 'passwordFile must be the path of a file'],
  ['a path by itself', () => fileCredentials('/a' as never), 'must be an object'],
  [
    'two sources of the user',
    () => fileCredentials({ passwordFile: '/a', username: 'a', usernameFile: '/b' }),
    'exclude each other',
  ],
  ['a fraction of a millisecond', () => fileCredentials({ passwordFile: '/a', pollMs: 0.5 }), 'pollMs'],
])('the providers reject %s at once', (_, make, message) => {
  expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
  expect(make).toThrow(message);
});
