import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ConnectionError } from '../../cluster/common/errors.js';
import type { CertificatePems } from './certificates.js';
import { readClusterView, type ClusterView } from './cluster-view.js';
import type { OrphanReaper } from './orphan-reaper.js';
import { LocalClusterError } from '../common/local-cluster-error.js';
import { OWN_USER } from '../common/local-cluster-options.js';
import { NodeConnection } from './node-connection.js';
import { untilNothingMissing } from '../common/poll.js';
import type { ServerBinary } from './server-binary.js';
import { secretsOf, serverConfig, type CommonServerSettings } from './server-config.js';
import { lastLogLines } from './server-log.js';
import { ServerProcess } from './server-process.js';

/** How long a server may take to write what it has and end, in ms. */
const TERMINATE_MS = 10_000;

/** What all nodes of a local cluster share. */
export interface NodeSettings extends CommonServerSettings {
  readonly binary: ServerBinary;
  readonly folder: { readonly path: string };
  readonly orphanReaper: OrphanReaper;
  readonly tls?: CertificatePems;
}

/** `frozen` by SIGSTOP; `dead` by kill or of its own. */
export type LocalNodeState = 'running' | 'frozen' | 'dead';

/**
 * A live handle of one server of a {@link LocalCluster}. It stays the same through kill and restart. Its host
 * and port make it usable wherever a client asks for a node.
 */
export class LocalNode {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly name: string;
  /** @internal */
  readonly connection: NodeConnection;

  private nodeId = '';
  private lastRole: 'primary' | 'replica' = 'primary';
  private process: ServerProcess | undefined;
  private isFrozen = false;
  private readonly folder: string;

  /** @internal */
  constructor(
    private readonly settings: NodeSettings,
    port: number,
  ) {
    this.host = settings.host;
    this.port = port;
    this.name = `${this.host}:${port}`;
    this.folder = join(settings.folder.path, String(port));
    this.connection = new NodeConnection(this.name, {
      host: this.host,
      port,
      username: OWN_USER,
      password: settings.ownPassword,
      tls: settings.tls && { ca: settings.tls.ca },
    });
  }

  /** The node's id in the cluster, 40 hex digits; it survives a restart. */
  get id(): string {
    return this.nodeId;
  }

  /** The last lines of the server's log, without passwords. Empty when there is no log. */
  logTail(): string {
    return lastLogLines(join(this.folder, 'server.log'), secretsOf(this.settings));
  }

  /** The role the node had in its own eyes when it was looked at last; `waitUntilStable()` looks at all. */
  get role(): 'primary' | 'replica' {
    return this.lastRole;
  }

  /** The server's process id; the last one when it is dead. */
  get pid(): number {
    return this.process?.pid ?? 0;
  }

  get state(): LocalNodeState {
    if (this.process?.running !== true) return 'dead';
    return this.isFrozen ? 'frozen' : 'running';
  }

  /** What `util.inspect` shows: no password. */
  [inspect.custom](): string {
    return `LocalNode ${this.name} (${this.role}, ${this.state})`;
  }

  /** @internal Starts the server and waits until it answers. */
  async boot(signal?: AbortSignal): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await writeFile(join(this.folder, 'server.conf'), serverConfig(this.settings, this.port), {
      mode: 0o600,
    });
    const server = await ServerProcess.spawn(this.settings.binary, this.folder);
    this.settings.orphanReaper.watch(server.pid);
    this.process = server;
    this.isFrozen = false;
    await untilNothingMissing(
      `Start of ${this.name}`,
      async () => {
        if (!server.running) {
          this.connection.close();
          throw this.startFailure();
        }
        // another server that listens on its port may never answer
        return Promise.race([this.whatIsNotReady(), server.ended]);
      },
      { timeoutMs: this.settings.options.startTimeoutMs, signal },
    );
    this.nodeId = String(await this.connection.call('CLUSTER', 'MYID'));
  }

  private async whatIsNotReady(): Promise<string | undefined> {
    try {
      // our user exists on our servers only, so nobody else can answer this
      const info = String(await this.connection.call('INFO', 'persistence'));
      return info.includes('loading:1') ? 'it loads its data' : undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** @internal Reads something, again if the server has hung up: Valkey does so when a primary becomes a replica. */
  ask<T>(question: (connection: NodeConnection) => Promise<T>): Promise<T> {
    return question(this.connection).catch((error: unknown) => {
      if (!(error instanceof ConnectionError) || this.state !== 'running') throw error;
      return question(this.connection);
    });
  }

  /** @internal */
  async view(): Promise<ClusterView> {
    const view = await this.ask(readClusterView);
    this.lastRole = view.myself.role;
    return view;
  }

  /** @internal */
  async kill(): Promise<void> {
    await this.process?.kill();
    this.connection.close();
  }

  /** @internal Ends the server so that it writes what it has. */
  async terminate(): Promise<void> {
    await this.process?.terminate(TERMINATE_MS);
    this.connection.close();
  }

  /** @internal */
  freeze(): void {
    this.process?.freeze();
    this.isFrozen = true;
  }

  /** @internal */
  thaw(): void {
    this.process?.thaw();
    this.isFrozen = false;
  }

  /** @internal */
  async removeData(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  private startFailure(): LocalClusterError {
    const log = this.logTail();
    const taken = /Address already in use/i.test(log);
    return new LocalClusterError(
      taken ? 'PORT_TAKEN' : 'START_FAILED',
      `The server for ${this.name} ended while it started. Its last words:\n${log}`,
    );
  }
}
