import { ClusterClient, ClusterError, Script } from 'keyslot';
import {
  INCREMENT,
  type ClientUnderTest,
  type Failure,
  type Session,
  type SessionOptions,
} from '../session.js';

const increment = new Script(INCREMENT);

/** Keyslot with its default options. */
export class KeyslotSession implements Session {
  private constructor(readonly client: ClusterClient) {}

  static async open({
    nodes,
    addressRemap,
    password,
    credentials,
    ca,
  }: SessionOptions): Promise<KeyslotSession> {
    const client = new ClusterClient({
      nodes,
      addressRemap,
      password,
      credentialsProvider: credentials,
      tls: ca === undefined ? undefined : { ca },
    });
    await client.connect();
    return new KeyslotSession(client);
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
    return this.client.multi().incr(key).get(key).exec();
  }

  script(key: string): Promise<unknown> {
    return this.client.runScript(increment, [key], []);
  }

  async pipeline(keys: readonly string[]): Promise<readonly unknown[]> {
    const pipeline = this.client.pipeline();
    for (const key of keys) pipeline.incr(key);
    return (await pipeline.exec()).map(([error]) => error ?? undefined);
  }

  append(key: string, value: string): Promise<unknown> {
    return this.client.rpush(key, value);
  }

  failure(error: unknown): Failure {
    if (error instanceof ClusterError) return { code: error.code, applied: error.applied };
    return { code: String(error), applied: 'unknown' };
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

export const keyslot: ClientUnderTest = { title: 'Keyslot', open: (options) => KeyslotSession.open(options) };
