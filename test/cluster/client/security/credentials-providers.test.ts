import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterClient, type ClusterClientOptions } from 'keyslot';
import {
  elastiCacheIamCredentials,
  entraIdCredentials,
  fileCredentials,
  tokenCredentials,
} from 'keyslot/credentials';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';

/** An open connection, as its server reports it. */
interface OpenConnection {
  readonly id: string;
  readonly user: string;
}

describe('a cluster whose passwords are replaced', () => {
  let cluster: LocalCluster;
  const clients: ClusterClient[] = [];
  beforeAll(async () => {
    cluster = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 0 });
  });
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));
  afterAll(() => cluster?.stop());

  const setUser = (user: string, password: string): Promise<unknown> =>
    Promise.all(
      cluster.nodes.map((node) =>
        cluster.command(node, 'ACL', 'SETUSER', user, 'on', 'resetpass', `>${password}`, '~*', '&*', '+@all'),
      ),
    );

  /** A client with a subscriber, and no error so far. */
  const clientOf = async (
    name: string,
    credentialsProvider: ClusterClientOptions['credentialsProvider'],
  ): Promise<{ client: ClusterClient; gaps: unknown[] }> => {
    const client = new ClusterClient({ nodes: cluster.seeds, clientName: name, credentialsProvider });
    clients.push(client);
    const gaps: unknown[] = [];
    client.pubsub.gaps$.subscribe((gap) => gaps.push(gap));
    client.pubsub.channel('news').subscribe();
    await client.pubsub.ready();
    expect(await client.set('k', 'v')).toBe('OK');
    return { client, gaps };
  };

  const connectionsOf = async (name: string): Promise<OpenConnection[]> => {
    const lists = await Promise.all(cluster.nodes.map((node) => cluster.command(node, 'CLIENT', 'LIST')));
    return lists.flatMap((list, node) =>
      String(list)
        .split('\n')
        .filter((line) => line.includes(` name=${name} `))
        .map((line) => ({
          id: `${node}:${/^id=(\d+)/.exec(line)?.[1]}`,
          user: / user=(\S+)/.exec(line)?.[1] ?? '',
        })),
    );
  };
  const idsIn = (connections: readonly OpenConnection[]): string[] =>
    connections.map(({ id }) => id).toSorted();

  /** Waits until all open connections, which are those of before, belong to a user. */
  const untilAllAre = (name: string, user: string, before: readonly OpenConnection[]): Promise<unknown> =>
    eventually(async () => {
      const now = await connectionsOf(name);
      expect(new Set(now.map((connection) => connection.user))).toEqual(new Set([user]));
      expect(idsIn(now)).toEqual(idsIn(before));
    });

  it('is followed by the tokens of Entra ID: each is renewed before its end, and open connections stay', async () => {
    let issued = 0;
    // each token has a user of its own, so that the servers say which one a connection has
    const issuer = createServer((_, response) => {
      const n = ++issued;
      const payload = Buffer.from(JSON.stringify({ oid: `entra-${n}` })).toString('base64url');
      const token = `header.${payload}.${n}`;
      void setUser(`entra-${n}`, token).then(() =>
        response.end(JSON.stringify({ token, expiresOnTimestamp: Date.now() + 1_300 })),
      );
    });
    const address = await listening(issuer);
    try {
      const credential = {
        getToken: async () =>
          (await fetch(address)).json() as Promise<{ token: string; expiresOnTimestamp: number }>,
      };
      const { client, gaps } = await clientOf('entra', entraIdCredentials({ credential }));
      const before = await connectionsOf('entra');
      expect(before).toHaveLength(3);
      await eventually(() => issued >= 3);
      await eventually(async () => {
        const now = await connectionsOf('entra');
        expect(idsIn(now)).toEqual(idsIn(before));
        const generations = now.map(({ user }) => Number(user.replace('entra-', '')));
        expect(Math.min(...generations)).toBeGreaterThanOrEqual(3);
      });
      expect(await client.blpop('nothing', 0.01)).toBeNull();
      expect(gaps).toEqual([]);
    } finally {
      await ended(issuer);
    }
  });

  it('is followed by IAM tokens, which end with the keys that sign them', async () => {
    const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'session' };
    let signed = 0;
    const tokens = new Set<string>();
    const provider = elastiCacheIamCredentials({
      username: 'iam',
      cacheName: 'shop',
      region: 'eu-central-1',
      credentials: async () => {
        signed++;
        return { ...keys, expiration: new Date(Date.now() + 1_300) };
      },
    });
    const { client, gaps } = await clientOf('iam', async () => {
      const credentials = await provider();
      tokens.add(credentials.password);
      await setUser('iam', credentials.password);
      return credentials;
    });
    const before = await connectionsOf('iam');
    await eventually(() => tokens.size >= 2 && signed >= 2);
    // only the newest token is valid
    expect(await client.blpop('nothing', 0.01)).toBeNull();
    expect(await client.set('k', 'v')).toBe('OK');
    expect(idsIn(await connectionsOf('iam'))).toEqual(idsIn(before));
    expect(gaps).toEqual([]);
  });

  it('is followed by any token with an end', async () => {
    let issued = 0;
    const provider = tokenCredentials(async () => {
      const username = `any-${++issued}`;
      await setUser(username, `secret-${issued}`);
      return {
        username,
        password: `secret-${issued}`,
        expiresAt: Date.now() + (issued === 1 ? 1_300 : 3_600_000),
      };
    });
    await clientOf('any', provider);
    await untilAllAre('any', 'any-2', await connectionsOf('any'));
    expect(issued).toBe(2);
  });

  describe('by files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyslot-credentials-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    /** A folder as Kubernetes mounts a secret: its files lead through a link that is replaced as a whole. */
    const mounted = (name: string) => {
      const path = join(folder, name);
      mkdirSync(path);
      let version = 0;
      const replace = (files: Record<string, string>): void => {
        const next = `..${++version}`;
        mkdirSync(join(path, next));
        for (const [file, text] of Object.entries(files)) writeFileSync(join(path, next, file), text);
        symlinkSync(next, join(path, '..data_tmp'));
        renameSync(join(path, '..data_tmp'), join(path, '..data'));
      };
      replace({});
      for (const file of ['username', 'password']) symlinkSync(join('..data', file), join(path, file));
      return { path, replace, remove: () => unlinkSync(join(path, '..data')) };
    };

    it('of a Kubernetes secret is followed on open connections, also if the servers know the password later', async () => {
      const secret = mounted('secret');
      await setUser('file-1', 'first');
      secret.replace({ username: 'file-1', password: 'first\n' });
      const provider = fileCredentials({
        passwordFile: join(secret.path, 'password'),
        usernameFile: join(secret.path, 'username'),
        pollMs: 20,
      });
      const { client, gaps } = await clientOf('secret', provider);
      const before = await connectionsOf('secret');
      expect(new Set(before.map(({ user }) => user))).toEqual(new Set(['file-1']));

      await setUser('file-2', 'second');
      secret.replace({ username: 'file-2', password: 'second' });
      await untilAllAre('secret', 'file-2', before);

      secret.replace({ username: 'file-3', password: 'third' });
      await eventually(async () => {
        const log = String(await cluster.command(cluster.nodes[0], 'ACL', 'LOG'));
        expect(log).toContain('file-3');
      });
      expect(await client.set('k', 'v')).toBe('OK');
      await setUser('file-3', 'third');
      await untilAllAre('secret', 'file-3', before);

      // while the files are missing, the last credentials are used
      secret.remove();
      expect(await client.blpop('nothing', 0.01)).toBeNull();
      const { client: other } = await clientOf('late', provider);
      expect(await other.get('k')).toBe('v');
      expect(gaps).toEqual([]);
    });

    it('of another format is followed; an unreadable one is named, without its text', async () => {
      const file = join(folder, 'redis.json');
      const provider = () =>
        fileCredentials({
          passwordFile: file,
          pollMs: 20,
          parse: (text) => {
            const { user, secret } = JSON.parse(text) as { user: string; secret: string };
            return { username: user, password: secret };
          },
        });
      const client = new ClusterClient({
        nodes: cluster.seeds,
        credentialsProvider: provider(),
        startupTimeoutMs: 200,
      });
      clients.push(client);
      // the addresses are not at fault
      await expect(client.connect()).rejects.toThrow(new RegExp(`cannot read ${file}: ENOENT\\.$`));
      expect(provider()).toThrow(`cannot read ${file}: ENOENT`);
      writeFileSync(file, '');
      expect(provider()).toThrow(`found an empty file: ${file}`);
      writeFileSync(file, 'planted');
      expect(provider()).toThrow(`found no credentials in ${file}`);
      expect(provider()).not.toThrow('planted');

      await setUser('json-1', 'first');
      writeFileSync(file, JSON.stringify({ user: 'json-1', secret: 'first' }));
      await clientOf('json', provider());
      const before = await connectionsOf('json');
      await setUser('json-2', 'second');
      writeFileSync(file, JSON.stringify({ user: 'json-2', secret: 'second' }));
      await untilAllAre('json', 'json-2', before);
    });
  });
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function ended(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
