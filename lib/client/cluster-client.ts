import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import type { Callback, Redis } from 'ioredis';
import type { Observable } from 'rxjs';
import { ClusterEngine } from '../cluster/cluster-engine.js';
import { ClientClosedError } from '../cluster/common/errors.js';
import { resolveOptions } from '../cluster/options/resolve-options.js';
import { checkIsObject } from '../cluster/options/option-checks.js';
import { markMade } from '../cluster/common/package-copies.js';
import { setImmediate } from '../cluster/common/timers.js';
import { ClusterCounters } from '../cluster/stats/cluster-counters.js';
import type { ClusterNode, ClusterTopology } from '../cluster/topology/topology.js';
import { ClusterPubSub } from '../pubsub/cluster-pubsub.js';
import type { ClusterClientOptions } from './client-options.js';
import { statusOf, type ClusterStatus } from './client-status.js';
import { installEmitter, notifyListeners } from './client-events.js';
import { ClientStatistics } from './client-statistics.js';
import { duplicateOptions, type DuplicateOptions } from './duplicate-options.js';
import { withCallback } from './commands/call-arguments.js';
import { scriptEntries } from './commands/defined-commands.js';
import { EventSubscriptions, type SubscribeArguments } from './ioredis/event-subscriptions.js';
import { NodeClients, type NodeClientRole } from './ioredis/node-clients.js';
import { replyTypesOf } from './commands/reply-types.js';
import { publicOptions, type PublicOptions } from './public-options.js';
import { loggedEvents } from './logged-events.js';
import { splitUrl } from './url-options.js';

/** How long `close()` waits for pending calls, in ms. */
const DRAIN_MS = 5_000;

/**
 * A client for a Redis Cluster. It sends every command to the node that owns its slot, also while slots move
 * and nodes fail over. It connects with the first command, with `connect()`, or when you listen for `ready` or
 * `connect` (with `lazyConnect`, listening does not connect).
 *
 * Events: `connecting`, `connect`, `ready`, `close`, `end`, `+node` and `-node` (with a `ClusterNode`), and
 * the messages of subscriptions. When a connection to a node fails or is lost, the client emits `error` (and
 * `node error`, as ioredis does) with the error and the node's name: at once, then every 10 s while the
 * failure lasts. Listening is optional, as calls reject with their own errors. What a listener throws is
 * emitted as `error`.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class ClusterClient extends ClientStatistics {
  /** Tells callers of ioredis that this is a cluster client. */
  readonly isCluster = true;
  /** Publishes and subscribes; see `ClusterPubSub`. A restart (see `connect`) replaces this object. */
  declare readonly pubsub: ClusterPubSub;
  declare private readonly subscriptions: EventSubscriptions;
  declare private readonly nodeClients: NodeClients;
  declare private readonly makeEngine: () => ClusterEngine;
  /** Whether `close()` was called, after which the client cannot connect again. */
  private closedForGood = false;
  private restarting: Promise<void> | undefined = undefined;
  private quitting = false;

  /** @throws InvalidArgumentError for an unknown option or an impossible value */
  constructor(private readonly givenOptions: ClusterClientOptions = {}) {
    checkIsObject(givenOptions);
    const { codec: _codec, scripts, ...engineOptions } = givenOptions;
    const options = resolveOptions(engineOptions, ['codec', 'scripts']);
    const { readFrom, deadlineMs, retry, errorKeys } = options;
    const events = loggedEvents((event, ...args) => this.notify(event, ...args), options);
    const counters = new ClusterCounters();
    const makeEngine = (): ClusterEngine => new ClusterEngine(options, events, counters);
    super(makeEngine(), { readFrom, deadlineMs, retry, errorKeys, replyTypes: replyTypesOf(options) });
    for (const [name, definition] of scriptEntries(scripts)) this.defineCommand(name, definition);
    markMade(this);
    this.use({ makeEngine });
    this.listen();
    // printing or copying the client would show enumerable properties, credentials included
    for (const name of ['givenOptions', 'engine', 'policy', 'closedForGood', 'restarting', 'quitting'])
      Object.defineProperty(this, name, { enumerable: false });
  }

  /**
   * Creates a client from `redis://user:password@host:port` or `rediss://…`. The query can hold options that are a
   * word, number or boolean (`?readFrom=replica`); they override `options`. A subclass needs the same constructor.
   * @throws InvalidArgumentError for an option that a URL cannot hold, or an invalid value
   */
  static fromUrl<T extends ClusterClient>(
    this: new (options: ClusterClientOptions) => T,
    url: string,
    options: ClusterClientOptions = {},
  ): T {
    checkIsObject(options);
    const { node, options: given } = splitUrl(url);
    return new this({ ...options, ...given, nodes: [node, ...(options.nodes ?? [])] });
  }

  /** The state of the client. */
  get status(): ClusterStatus {
    return statusOf(this.engine.state);
  }

  /** Ignores the value. Callers of ioredis (BullMQ) assign `end` after they have called `quit()`. */
  set status(_status: ClusterStatus) {}

  /** The options that callers of ioredis read, without credentials. */
  get options(): PublicOptions {
    return publicOptions(this.engine.options);
  }

  /** The topology as the client knows it now: which node owns which slot. */
  get topology(): ClusterTopology {
    return this.engine.topology;
  }

  /** Emits the current topology, then every change of it. Completes when the client closes. */
  get topology$(): Observable<ClusterTopology> {
    return this.engine.topology$;
  }

  /**
   * Connects, and resolves when every slot is covered and every primary answers. After `quit()` or `disconnect()` it
   * restarts the client, as in ioredis, without former subscriptions; earlier views and pipelines stay closed. After
   * `close()` the client stays closed.
   * @throws TopologyError (`NO_NODE_REACHABLE`, `ANNOUNCED_UNREACHABLE`, `SLOTS_NOT_COVERED`, `VIEWS_DISAGREE`, `NOT_A_CLUSTER`) or
   *   AuthenticationError, within `startupTimeoutMs`; UnsupportedServerFeatureError for a `database` that the servers do
   *   not have; ClientClosedError
   */
  connect(): Promise<void> {
    if (this.closedForGood || (this.status !== 'disconnecting' && this.status !== 'end'))
      return this.engine.connect();
    return (this.restarting ??= this.restart().finally(() => (this.restarting = undefined)));
  }

  /**
   * Rejects new calls, waits at most 5 s for pending ones, then closes every connection. Blocking calls are
   * not waited for: the servers end them, and they reject with ClientClosedError.
   */
  async close(): Promise<void> {
    this.closedForGood = true;
    await this.drain();
  }

  /** Calls `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Closes and resolves with `OK`, then emits `close` and `end`. `connect()` restarts the client. */
  quit(callback?: Callback<'OK'>): Promise<'OK'> {
    return withCallback([callback], async () => {
      this.quitting = true;
      await this.drain().finally(() => (this.quitting = false));
      return 'OK' as const;
    });
  }

  /** Subscribes to channels; emits their messages as `message` and `messageBuffer`. Commands still work. */
  subscribe(...names: SubscribeArguments): Promise<number> {
    return this.subscriptions.subscribe('channel', names);
  }

  /** Subscribes to patterns; emits their messages as `pmessage` and `pmessageBuffer`. */
  psubscribe(...patterns: SubscribeArguments): Promise<number> {
    return this.subscriptions.subscribe('pattern', patterns);
  }

  /** Subscribes to sharded channels; emits their messages as `smessage` and `smessageBuffer`. */
  ssubscribe(...names: SubscribeArguments): Promise<number> {
    return this.subscriptions.subscribe('sharded', names);
  }

  /** Ends subscriptions of `subscribe`: the named ones, or all. */
  unsubscribe(...names: SubscribeArguments): Promise<number> {
    return this.subscriptions.unsubscribe('channel', names);
  }

  /** Ends subscriptions of `psubscribe`: the named ones, or all. */
  punsubscribe(...patterns: SubscribeArguments): Promise<number> {
    return this.subscriptions.unsubscribe('pattern', patterns);
  }

  /** Ends subscriptions of `ssubscribe`: the named ones, or all. */
  sunsubscribe(...names: SubscribeArguments): Promise<number> {
    return this.subscriptions.unsubscribe('sharded', names);
  }

  /**
   * Closes every connection at once. Calls without a reply end in OutcomeUnknownError. `connect()` restarts.
   */
  disconnect(): void {
    void this.pubsub.close();
    void this.engine.close(0);
  }

  /**
   * Creates another client of the cluster, not yet connected, with some options changed. Nodes can precede
   * the options, as in ioredis. The copy of a subclass is a plain `ClusterClient`, as the subclass's
   * constructor may take other arguments; override this method to return your own class.
   */
  duplicate(overrides?: DuplicateOptions): ClusterClient;
  duplicate(nodes: ClusterClientOptions['nodes'], overrides?: DuplicateOptions): ClusterClient;
  duplicate(
    first?: ClusterClientOptions['nodes'] | DuplicateOptions,
    second?: DuplicateOptions,
  ): ClusterClient {
    const overrides = duplicateOptions(first, second);
    const copy = new ClusterClient({ ...this.givenOptions, ...overrides });
    for (const [name, { script, numberOfKeys }] of this.engine.scripts.commands) {
      if (Object.hasOwn(overrides.scripts ?? {}, name)) continue;
      copy.defineCommand(name, { lua: script.lua, readOnly: script.readOnly, numberOfKeys });
    }
    return copy;
  }

  /**
   * Fetches new credentials before they are due, and authenticates open connections with them, those of
   * subscribers too. Leased connections are replaced.
   * @throws AuthenticationError if a node rejects them; ConnectionError if a node does not answer within
   *   `connectTimeoutMs` (its connections stay as they are); CredentialsUnavailableError if the provider
   *   fails
   */
  refreshCredentials(): Promise<void> {
    return this.engine.refreshCredentials();
  }

  /** Reads the topology from the cluster now, and returns it. */
  refreshTopology(): Promise<ClusterTopology> {
    return this.engine.refreshTopology();
  }

  /** Sends commands without keys to this node (or node name). Returns false if the topology lacks it. */
  setDefaultNode(node: ClusterNode | string): boolean {
    return this.engine.setDefaultNode(typeof node === 'string' ? node : node.name);
  }

  /**
   * Returns an ioredis client for each node of a role, as ioredis' cluster does. Connects this client, and
   * until then returns clients for the option `nodes`, taken for primaries. Each connects with its first
   * command, and ends with this client or when its node leaves. Errors are those of ioredis, which include
   * the arguments of the command. Prefer `target()` and `topology`.
   * @throws InvalidArgumentError for an unknown role
   */
  nodes(role: NodeClientRole = 'all'): Redis[] {
    return this.nodeClients.of(role);
  }

  /** Emits an event. Drops an `error` without a listener, as throwing it would end the process. */
  emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'error' && this.listenerCount('error') === 0) return false;
    return EventEmitter.prototype.emit.call(this, event, ...args);
  }

  private async drain(): Promise<void> {
    await Promise.all([this.pubsub.close(), this.engine.close(DRAIN_MS)]);
  }

  private async restart(): Promise<void> {
    await Promise.all([this.pubsub.close(), this.engine.close(0)]);
    if (this.closedForGood) throw new ClientClosedError();
    const engine = this.makeEngine();
    engine.scripts.adopt(this.engine.scripts);
    this.use({ engine });
    this.listen();
    await engine.connect();
  }

  /** Creates pub/sub and node clients over the current engine. */
  private listen(): void {
    const { engine } = this;
    const { codec } = this.givenOptions;
    const pubsub = new ClusterPubSub(engine, { codec, heartbeatMs: engine.options.heartbeatMs });
    const subscriptions = new EventSubscriptions(pubsub, {
      listenerCount: (event) => this.listenerCount(event),
      notify: (event, ...args) => this.notify(event, ...args),
    });
    this.use({ pubsub, subscriptions, nodeClients: new NodeClients(engine) });
  }

  /** Sets properties that are not enumerable. */
  private use(parts: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(parts))
      Object.defineProperty(this, name, { value, configurable: true, enumerable: false, writable: true });
  }

  private notify(event: string, ...args: unknown[]): void {
    // callers of ioredis listen for `end` only after `quit()` has resolved
    if (this.quitting && (event === 'close' || event === 'end'))
      setImmediate(() => notifyListeners(this, event, args));
    else notifyListeners(this, event, args);
  }

  /** Returns what `util.inspect` and `console.log` show: no options, hence no secrets. */
  [inspect.custom](): string {
    return `ClusterClient { status: '${this.status}', nodes: ${this.topology.nodes.length} }`;
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface ClusterClient extends Omit<EventEmitter, 'emit'> {}

// the class already extends the view, so the emitter is mixed in
installEmitter(ClusterClient.prototype);
