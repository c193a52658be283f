import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterClient, type ClusterClientOptions, type Credentials } from 'keyslot';
import { snippetFolder, snippetsOf } from '../docs-snippets.js';

/** What the page takes from other packages. */
const ELSEWHERE = `
  class DefaultAzureCredential {
    getToken = async () => ({ token: 'a.' + btoa('{"oid":"id"}') + '.c', expiresOnTimestamp: Date.now() + 60_000 });
  }
  const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
  const fromNodeProviderChain = () => async () => keys;
  const accessToken = async () => ({ token: 'token', expiryTime: new Date(Date.now() + 60_000) });
  process.env.AWS_REGION = 'eu-west-1';
  process.env.AWS_ACCESS_KEY_ID = keys.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = keys.secretAccessKey;
`;

describe('docs/credentials.md', () => {
  const folder = snippetFolder();
  const blocks = snippetsOf('docs/credentials.md').map(({ code }) => code);
  const environment = { ...process.env };
  afterAll(() => (process.env = environment));

  const optionsOf = async (code: string, i: number): Promise<ClusterClientOptions> => {
    const file = join(folder, `options-${i}.ts`);
    const [, name] = /^const (\w+): ClusterClientOptions/m.exec(code) ?? [];
    writeFileSync(
      file,
      ["import type { ClusterClientOptions } from 'keyslot';", ELSEWHERE, code, `export { ${name} };`].join(
        '\n',
      ),
    );
    return ((await import(file)) as Record<string, ClusterClientOptions>)[name];
  };

  it('shows valid options, whose providers return credentials', async () => {
    expect(blocks).toHaveLength(5);
    for (const [i, code] of blocks.entries()) {
      const options = await optionsOf(code, i);
      expect(new ClusterClient(options).status).toBe('wait');
      const provided = (async (): Promise<Credentials> => options.credentialsProvider!())();
      if (code.includes('/etc/'))
        await expect(provided).rejects.toThrow('cannot read /etc/redis-credentials/password');
      else expect((await provided).password).toMatch(/./);
    }
  });
});
