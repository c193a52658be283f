import { INCREMENT, type Address, type ClientUnderTest, type Failure, type Session } from '../session.js';
import { peerPackage, wordOf } from './peer-package.js';

/** As much of valkey-glide as is used here; its types are installed with it, in bench/. */
interface Batch {
  incr(key: string): Batch;
  get(key: string): Batch;
}
interface Client {
  get(key: string): Promise<unknown>;
  set(key: string, value: string): Promise<unknown>;
  incr(key: string): Promise<unknown>;
  rpush(key: string, values: string[]): Promise<unknown>;
  invokeScript(script: object, options: { keys: string[] }): Promise<unknown>;
  exec(batch: Batch, raiseOnError: boolean): Promise<readonly unknown[] | null>;
  close(): void;
}
interface Glide {
  GlideClusterClient: { createClient(options: object): Promise<Client> };
  ClusterBatch: new (atomic: boolean) => Batch;
  Script: new (lua: string) => object;
  Logger: { setLoggerConfig(level: 'off'): void };
}

/** valkey-glide with its default options. */
class GlideSession implements Session {
  private readonly lua: object;

  constructor(
    private readonly client: Client,
    private readonly library: Glide,
  ) {
    this.lua = new library.Script(INCREMENT);
  }

  get(key: string): Promise<unknown> {
    return this.client.get(key);
  }

  set(key: string, value: string): Promise<unknown> {
    return this.client.set(key, value);
  }

  increment(key: string): Promise<unknown> {
    return this.client.incr(key);
  }

  transaction(key: string): Promise<unknown> {
    return this.client.exec(new this.library.ClusterBatch(true).incr(key).get(key), true);
  }

  script(key: string): Promise<unknown> {
    return this.client.invokeScript(this.lua, { keys: [key] });
  }

  async pipeline(keys: readonly string[]): Promise<readonly unknown[]> {
    const batch = new this.library.ClusterBatch(false);
    for (const key of keys) batch.incr(key);
    const replies = (await this.client.exec(batch, false)) ?? [];
    return replies.map((reply) => (reply instanceof Error ? reply : undefined));
  }

  append(key: string, value: string): Promise<unknown> {
    return this.client.rpush(key, [value]);
  }

  failure(error: unknown): Failure {
    return { code: wordOf(error), applied: 'unknown' };
  }

  async close(): Promise<void> {
    this.client.close();
  }
}

export function glide(): ClientUnderTest {
  const { exports, version } = peerPackage<Glide>('@valkey/valkey-glide');
  exports.Logger.setLoggerConfig('off');
  return {
    title: `valkey-glide ${version}`,
    open: async ({ nodes, addressRemap, password, credentials, ca }) => {
      const addresses: Address[] = nodes.map(({ host, port }) => ({ host, port }));
      if (addressRemap !== undefined) throw new Error('valkey-glide has no way to remap addresses');
      const client = await exports.GlideClusterClient.createClient({
        addresses,
        credentials: credentials?.() ?? (password === undefined ? undefined : { password }),
        useTLS: ca !== undefined,
        advancedConfiguration:
          ca === undefined ? undefined : { tlsAdvancedConfiguration: { rootCertificates: ca } },
      });
      return new GlideSession(client, exports);
    },
  };
}
