import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterClient, type ClusterClientOptions } from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../cluster-fixture.js';
import { snippetFolder, snippetsOf, typeFaults } from '../../docs-snippets.js';

type Options = Record<
  'behindOneName' | 'certifiedByOneName' | 'elastiCache' | 'azure' | 'memorystore',
  ClusterClientOptions
> & { check: (options: ClusterClientOptions) => Promise<string> };

/** What stands around the options of the page. */
const PREAMBLE = `
  import { ClusterClient, type ClusterClientOptions } from 'keyslot';
  import { elastiCacheIamCredentials, entraIdCredentials, tokenCredentials } from 'keyslot/credentials';
  const readFileSync = (_: string): Buffer => Buffer.from('');
  class DefaultAzureCredential {
    getToken = async () => ({ token: 'a.b.c', expiresOnTimestamp: Date.now() + 60_000 });
  }
  const accessToken = async () => ({ token: 'token', expiryTime: new Date(Date.now() + 60_000) });
`;

// The options are taken from the page; the services are a cluster of our own with TLS, whose certificates and announced
// addresses are made not to fit.
describe('docs/managed-services.md', () => {
  const folder = snippetFolder();
  const snippets = snippetsOf('docs/managed-services.md');
  const file = join(folder, 'options.ts');
  let local: LocalCluster;
  let options: Options;

  beforeAll(async () => {
    const rest = snippets.filter((snippet) => snippet.file === undefined).map(({ code }) => code);
    writeFileSync(file, [PREAMBLE, ...rest.map((code) => code.replace(/^const/, 'export const'))].join('\n'));
    options = (await import(file)) as Options;
    local = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 0, tls: true });
  });
  afterAll(() => local?.stop());

  it('compiles', async () => {
    expect(await typeFaults(folder, [file])).toBe('');
  });

  it('uses valid options', () => {
    const { check: _, ...all } = options;
    expect(Object.keys(all)).toHaveLength(5);
    for (const given of Object.values(all)) expect(new ClusterClient(given).status).toBe('wait');
  });

  it('checks a connection, and names the primaries', async () => {
    const ca = local.tls?.ca;
    const answer = await options.check({ nodes: local.seeds, tls: { ca } });
    const [word, names] = answer.split(': ');
    expect(word).toBe('ok');
    const addresses = local.seeds.map(({ host, port }) => `${host}:${port}`);
    expect(addresses).toEqual(expect.arrayContaining(names.split(', ')));
  });

  it('connects to a cluster under another name than it announces, and verifies certificates by it', async () => {
    const ca = local.tls?.ca;
    const nodes = local.seeds.map(({ port }) => `rediss://localhost:${port}`);
    const remapped: string[] = [];
    const shown = options.behindOneName.addressRemap?.({ host: '10.0.0.1', port: 7 });
    expect(shown).toEqual({ host: 'shop.cache.example.com', port: 7 });
    const client = new ClusterClient({
      nodes: nodes.slice(0, 1),
      tls: { ca },
      addressRemap: ({ host, port }) => {
        remapped.push(host);
        return { host: 'localhost', port };
      },
    });
    for (let i = 0; i < 20; i++) expect(await client.set(`k${i}`, i)).toBe('OK');
    expect(remapped).toContain('127.0.0.1');
    expect(client.topology.primaries.map(({ host }) => host)).toEqual(Array(3).fill('localhost'));
    await client.close();
  });

  it.each(['localhost', 'shop.cache.example.com'])(
    'verifies certificates by the name %s',
    async (servername) => {
      const client = new ClusterClient({
        nodes: local.seeds,
        tls: { ca: local.tls?.ca, servername },
        startupTimeoutMs: servername === 'localhost' ? 10_000 : 500,
      });
      const connected = await client.connect().then(
        () => true,
        () => false,
      );
      expect(connected).toBe(servername === 'localhost');
      await client.close();
    },
  );

  it('continues with new credentials when connections are closed', async () => {
    let secret = 'first';
    let made = 0;
    const setPassword = () =>
      Promise.all(
        local.nodes.map((node) =>
          local.command(node, 'ACL', 'SETUSER', 'app', 'on', 'resetpass', `>${secret}`, '~*', '&*', '+@all'),
        ),
      );
    await setPassword();
    const client = new ClusterClient({
      nodes: local.seeds,
      tls: { ca: local.tls?.ca },
      credentialsProvider: async () => {
        made += 1;
        return { username: 'app', password: secret };
      },
    });
    const heard: unknown[] = [];
    client.pubsub.channel('news').subscribe(({ payload }) => heard.push(payload));
    await client.pubsub.ready();
    expect(await client.set('a', 1)).toBe('OK');
    const before = made;

    secret = 'second'; // the old one is not taken any more, and every connection ends
    await setPassword();
    await Promise.all(local.nodes.map((node) => local.command(node, 'CLIENT', 'KILL', 'USER', 'app')));

    for (let i = 0; i < 20; i++) expect(await client.set(`k${i}`, i)).toBe('OK');
    expect(await client.blpop('nothing', 0.01)).toBeNull();
    expect(made).toBeGreaterThan(before);
    await eventually(async () => {
      await client.pubsub.publish('news', 'after');
      return heard.includes('after');
    });
    await client.close();
  });
});
