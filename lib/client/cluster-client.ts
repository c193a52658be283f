import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import type { Redis } from 'ioredis';
import type { Observable } from 'rxjs';
import { ClusterEngine } from '../cluster/cluster-engine.js';
import { ClientClosedError } from '../cluster/common/errors.js';
import { resolveOptions } from '../cluster/options/resolve-options.js';
import { checkIsObject } from '../cluster/options/option-checks.js';
import { markMade } from '../cluster/common/package-copies.js';
import { setImmediate } from '../cluster/common/timers.js';
import type { ClusterNode, ClusterTopology } from '../cluster/topology/topology.js';
import { ClusterPubSub } from '../pubsub/cluster-pubsub.js';
import type { ClusterClientOptions } from './client-options.js';
import { statusOf, type ClusterStatus } from './client-status.js';
import { engineEvents, installEmitter, notifyListeners } from './client-events.js';
import { ClusterView } from './cluster-view.js';
import { duplicateOptions, type DuplicateOptions } from './duplicate-options.js';
import { scriptEntries } from './commands/defined-commands.js';
import { EventSubscriptions, type SubscribeArguments } from './ioredis/event-subscriptions.js';
import { NodeClients, type NodeClientRole } from './ioredis/node-clients.js';
import { replyTypesOf } from './commands/reply-types.js';
import { publicOptions, type PublicOptions } from './public-options.js';
import { splitUrl } from './url-options.js';

/** How long `close()` waits for what is under way, in ms. */
const DRAIN_MS = 5_000;

/**
 * A client for a Redis Cluster: every command goes to the node that owns its slot, whatever the cluster does
 * meanwhile. It connects with the first command, when told to, or when somebody listens for `ready`, unless the option
 * `lazyConnect` is set.
 *
 * Events: `connecting`, `connect`, `ready`, `close`, `end`, `+node` and `-node` (a `ClusterNode`), and those of `subscribe`
 * and its sisters. `error`, and `node error` as in ioredis, are told with an error and the name of a node whose connection
 * could not be made, or was lost: at once, and while that goes on every 10 seconds. Nobody has to listen; calls are told
 * their own errors. What a listener throws is an `error` too.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class ClusterClient extends ClusterView {
  /** For callers that tell ioredis' clients apart. */
  readonly isCluster = true;
  /** Publishing and subscribing; see `ClusterPubSub`. After a new beginning (see `connect`) it is another one. */
  declare readonly pubsub: ClusterPubSub;
  declare private readonly subscriptions: EventSubscriptions;
  declare private readonly nodeClients: NodeClients;
  declare private readonly makeEngine: () => ClusterEngine;
  /** `close()` was called, and there is no way back. */
  private closedForGood = false;
  private restarting: Promise<void> | undefined = undefined;
  private quitting = false;

  /** @throws InvalidArgumentError for an unknown option or an impossible value */
  constructor(private readonly givenOptions: ClusterClientOptions = {}) {
    checkIsObject(givenOptions);
    const { codec: _codec, scripts, ...engineOptions } = givenOptions;
    const options = resolveOptions(engineOptions, ['codec', 'scripts']);
    const { readFrom, deadlineMs, retry } = options;
    const makeEngine = (): ClusterEngine =>
      new ClusterEngine(
        options,
        engineEvents((event, ...args) => this.notify(event, ...args)),
      );
    super(makeEngine(), { readFrom, deadlineMs, retry, replyTypes: replyTypesOf(options) });
    for (const [name, definition] of scriptEntries(scripts)) this.defineCommand(name, definition);
    markMade(this);
    this.use({ makeEngine });
    this.listen();
    // what is enumerable is shown to whoever prints or copies the client, credentials included
    for (const name of ['givenOptions', 'engine', 'policy', 'closedForGood', 'restarting', 'quitting'])
      Object.defineProperty(this, name, { enumerable: false });
  }

  /**
   * A client from `redis://user:password@host:port` or `rediss://…`. Options whose value is a word, a number, or true
   * or false may stand in its query (`?readFrom=replica&deadlineMs=5000`), and win over `options`. Of a subclass it is
   * there where its constructor takes options as this one does.
   * @throws InvalidArgumentError
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

  /** Where the client stands in its life. */
  get status(): ClusterStatus {
    return statusOf(this.engine.state);
  }

  /** Callers of ioredis (BullMQ) write `end` here once they have called `quit()`. It is taken, and changes nothing. */
  set status(_status: ClusterStatus) {}

  /** What callers of ioredis ask of a client's options; no credentials. */
  get options(): PublicOptions {
    return publicOptions(this.engine.options);
  }

  /** Which node holds which slot, as far as is known now. */
  get topology(): ClusterTopology {
    return this.engine.topology;
  }

  /** The topology now, and every change of it. Completes when the client is closed. */
  get topology$(): Observable<ClusterTopology> {
    return this.engine.topology$;
  }

  /**
   * Finds the cluster. Resolves once every slot is covered and every primary answers; further calls join the first.
   * @throws TopologyError (`NO_NODE_REACHABLE`, `SLOTS_NOT_COVERED`, `VIEWS_DISAGREE`, `NOT_A_CLUSTER`) or
   *   AuthenticationError, within `startupTimeoutMs`; ClientClosedError
   *
   * After `quit()` or `disconnect()` it begins anew, as in ioredis, without the subscriptions there were; views and
   * pipelines made before stay closed. After `close()` the client stays closed.
   */
  connect(): Promise<void> {
    if (this.closedForGood || (this.status !== 'disconnecting' && this.status !== 'end'))
      return this.engine.connect();
    return (this.restarting ??= this.restart().finally(() => (this.restarting = undefined)));
  }

  /**
   * Refuses new calls, waits (5 s at most) for those under way, and ends every connection. Blocking calls are not waited
   * for: their servers end them, and they reject with ClientClosedError.
   */
  async close(): Promise<void> {
    this.closedForGood = true;
    await this.drain();
  }

  /** As `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** As `close()`, with ioredis' answer, and `close` and `end` told after it; `connect()` begins anew. */
  async quit(): Promise<'OK'> {
    this.quitting = true;
    await this.drain().finally(() => (this.quitting = false));
    return 'OK';
  }

  /** Subscribes to channels, whose messages come as `message` and `messageBuffer` events; commands go on. */
  subscribe(...names: SubscribeArguments): Promise<number> {
    return this.subscriptions.subscribe('channel', names);
  }

  /** Subscribes to patterns, whose messages come as `pmessage` and `pmessageBuffer` events. */
  psubscribe(...patterns: SubscribeArguments): Promise<number> {
    return this.subscriptions.subscribe('pattern', patterns);
  }

  /** Subscribes to sharded channels, of any slots, whose messages come as `smessage` and `smessageBuffer` events. */
  ssubscribe(...names: SubscribeArguments): Promise<number> {
    return this.subscriptions.subscribe('sharded', names);
  }

  /** Ends what `subscribe` began: these names, or all. */
  unsubscribe(...names: SubscribeArguments): Promise<number> {
    return this.subscriptions.unsubscribe('channel', names);
  }

  /** Ends what `psubscribe` began: these patterns, or all. */
  punsubscribe(...patterns: SubscribeArguments): Promise<number> {
    return this.subscriptions.unsubscribe('pattern', patterns);
  }

  /** Ends what `ssubscribe` began: these names, or all. */
  sunsubscribe(...names: SubscribeArguments): Promise<number> {
    return this.subscriptions.unsubscribe('sharded', names);
  }

  /** Ends every connection at once; `connect()` begins anew. What was sent and not answered ends in OutcomeUnknownError. */
  disconnect(): void {
    void this.pubsub.close();
    void this.engine.close(0);
  }

  /**
   * Another client of the same cluster, with some options changed. It is not connected yet. ioredis' form, with nodes
   * before the options, will do as well. The copy of a subclass is a plain `ClusterClient`, because nobody knows what the
   * constructor of the subclass takes; override this method to make another of your own.
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
   * Asks for credentials and authenticates open connections with them; for when a provider's have changed before they
   * were due, those of subscribers among them. Leased connections are made anew.
   * @throws AuthenticationError where a node refuses them, ConnectionError where one does not answer within
   *   `connectTimeoutMs`: its connections stay as they are; CredentialsUnavailableError where the provider fails
   */
  refreshCredentials(): Promise<void> {
    return this.engine.refreshCredentials();
  }

  /** Reads the topology from the cluster now. */
  refreshTopology(): Promise<ClusterTopology> {
    return this.engine.refreshTopology();
  }

  /** Sends commands without keys to this node (or node name); false where the topology has no such node. */
  setDefaultNode(node: ClusterNode | string): boolean {
    return this.engine.setDefaultNode(typeof node === 'string' ? node : node.name);
  }

  /**
   * ioredis' clients of single nodes, as its cluster gives them. Before the client has connected, which this begins,
   * they are those of the option `nodes`, taken for primaries. Each connects with its first command, and ends with the
   * client, or with its node. What they throw is ioredis', arguments included;
   * `target()` and `topology` do without them.
   * @throws InvalidArgumentError for what is no role
   */
  nodes(role: NodeClientRole = 'all'): Redis[] {
    return this.nodeClients.of(role);
  }

  /** `error` without a listener is dropped rather than thrown: a client must not end the process. */
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

  /** Pub/sub over the engine there is now. */
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

  /** Sets what is not shown. */
  private use(parts: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(parts))
      Object.defineProperty(this, name, { value, configurable: true, enumerable: false, writable: true });
  }

  private notify(event: string, ...args: unknown[]): void {
    // callers of ioredis listen for `end` once `quit()` has been answered
    if (this.quitting && (event === 'close' || event === 'end'))
      setImmediate(() => notifyListeners(this, event, args));
    else notifyListeners(this, event, args);
  }

  /** What `util.inspect` and `console.log` show: no options, and so no secrets. */
  [inspect.custom](): string {
    return `ClusterClient { status: '${this.status}', nodes: ${this.topology.nodes.length} }`;
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface ClusterClient extends Omit<EventEmitter, 'emit'> {}

/** Callers of ioredis (Bull 4) wait for `ready` of a client that they never tell to connect. */
function connectForListener(client: ClusterClient): void {
  if (client.status !== 'wait' || client.options.lazyConnect) return;
  // not at once: listeners that are added in the same turn are to hear of it too
  void Promise.resolve()
    .then(() => (client.status === 'wait' ? client.connect() : undefined))
    .catch(() => {});
}

// a class has one parent, which is the view here
installEmitter(ClusterClient.prototype, connectForListener);
