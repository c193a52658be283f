import { CredentialsUnavailableError, InvalidArgumentError } from 'keyslot';
import { CredentialsKeeper } from '../../lib/cluster/options/credentials.js';

describe('a credentials provider', () => {
  it('is called once for all concurrent requests', async () => {
    let asked = 0;
    const keeper = new CredentialsKeeper(async () => ({ password: `p${++asked}` }), 60_000);
    expect(await Promise.all([keeper.current(), keeper.current()])).toEqual([
      { password: 'p1' },
      { password: 'p1' },
    ]);
    expect(await keeper.current()).toEqual({ password: 'p2' });
  });

  it('is not called again right after it failed, unless new credentials are required now', async () => {
    let asked = 0;
    const keeper = new CredentialsKeeper(async () => {
      if (++asked === 1) throw new Error('down');
      return { password: 'p' };
    }, 60_000);
    const error = await keeper.current().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CredentialsUnavailableError);
    expect(String((error as Error).stack)).not.toContain('down'); // it may quote credentials
    expect(error).not.toHaveProperty('cause');
    await expect(keeper.current()).rejects.toThrow(CredentialsUnavailableError);
    expect(asked).toBe(1);
    await keeper.renew();
    expect(asked).toBe(2);
  });

  it('cannot keep callers waiting forever', async () => {
    let asked = 0;
    const keeper = new CredentialsKeeper(
      () => (++asked === 1 ? new Promise(() => {}) : Promise.resolve({ password: 'p' })),
      20,
    );
    await expect(keeper.current()).rejects.toThrow(CredentialsUnavailableError);
    await keeper.renew();
    expect(await keeper.current()).toEqual({ password: 'p' });
  });

  it('passes on the typed errors of the provider', async () => {
    const keeper = new CredentialsKeeper(async () => {
      throw new InvalidArgumentError('credentialsProvider', 'a string came');
    }, 60_000);
    await expect(keeper.current()).rejects.toThrow(InvalidArgumentError);
  });
});
