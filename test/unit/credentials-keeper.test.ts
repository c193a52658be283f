import { CredentialsUnavailableError, InvalidArgumentError } from 'keyslot';
import { CredentialsKeeper } from '../../lib/cluster/options/credentials.js';

describe('a provider of credentials', () => {
  it('is asked once for all who ask at the same time', async () => {
    let asked = 0;
    const keeper = new CredentialsKeeper(async () => ({ password: `p${++asked}` }), 60_000);
    expect(await Promise.all([keeper.current(), keeper.current()])).toEqual([
      { password: 'p1' },
      { password: 'p1' },
    ]);
    expect(await keeper.current()).toEqual({ password: 'p2' });
  });

  it('is left alone for a moment after it has failed, unless somebody wants new ones now', async () => {
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

  it('may not keep others waiting for ever', async () => {
    let asked = 0;
    const keeper = new CredentialsKeeper(
      () => (++asked === 1 ? new Promise(() => {}) : Promise.resolve({ password: 'p' })),
      20,
    );
    await expect(keeper.current()).rejects.toThrow(CredentialsUnavailableError);
    await keeper.renew();
    expect(await keeper.current()).toEqual({ password: 'p' });
  });

  it('gives its own errors of what came on', async () => {
    const keeper = new CredentialsKeeper(async () => {
      throw new InvalidArgumentError('credentialsProvider', 'a string came');
    }, 60_000);
    await expect(keeper.current()).rejects.toThrow(InvalidArgumentError);
  });
});
