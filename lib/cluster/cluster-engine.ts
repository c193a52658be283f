import { inspect } from 'node:util';
import { BehaviorSubject, type Observable } from 'rxjs';
import { type Command } from './command/command.js';
import { NO_SLOT } from './topology/key-slot.js';
import { type CallPolicy, type CallShape } from './command/call-policy.js';
import {
  CommandTable,
  isBlocking,
  unknownCommandRow,
  type CommandRow,
} from './command-table/command-table.js';
import { abortBy } from './command/abort-signal.js';
import type { BatchLane } from './command/batch.js';
import { ReadyCommand } from './command/ready-command.js';
import { refusalOf } from './command-table/blocked-commands.js';
import { CallLimit } from './command/call-limit.js';
import { rowsFromCommandReply } from './command-table/command-reply.js';
import { CredentialsKeeper, type Renewal } from './options/credentials.js';
import { BlockedCommandError, ClientClosedError, ConnectionError } from './common/errors.js';
import { FlushScheduler } from './connection/flush-scheduler.js';
import { inTime } from './command/in-time.js';
import { LeasePool } from './leases/lease-pool.js';
import { LeasedCall } from './leases/leased-call.js';
import { LeasedCommand, type LeasedWork } from './leases/leased-command.js';
import { withStreamEnds } from './leases/stream-ends.js';
import { Liveness } from './routing/liveness.js';
import { authenticate } from './connection/handshake.js';
import { NodeFailures } from './connection/node-failures.js';
import { NodePulse } from './leases/node-ping.js';
import type { ResolvedClusterOptions } from './options/options.js';
import type { Credentials } from './options/credentials.js';
import { PromisedCommand, TellingCommand } from './command/promised-command.js';
import type { Reply } from './protocol/reply.js';
import type { Argument } from './protocol/request-encoder.js';
import type { ScriptRegistry } from './scripts/script-registry.js';
import { Router } from './routing/router.js';
import { spreads, type SpreadPolicy } from './routing/fan-out.js';
import { resolveCall, type ResolvedCall } from './command/resolved-call.js';
import { startUp } from './discovery/discover-cluster.js';
import { runBriefly } from './leases/replica-wait.js';
import { monotonicMs, setTimeout } from './common/timers.js';
import { prevailingView, readAllViews, readViews } from './discovery/topology-reader.js';
import { TopologyRefresher } from './discovery/topology-refresher.js';
import type { ClusterNode, ClusterTopology, NodeAddress } from './topology/topology.js';

/**
 * - `wait`: not connected, and nobody asked yet
 * - `connecting`: looking for the cluster
 * - `ready`: commands flow
 * - `closing`: what is under way is drained, nothing new is taken
 * - `end`: for good
 */
export type EngineState = 'wait' | 'connecting' | 'ready' | 'closing' | 'end';

/** What the engine tells its face. */
export interface EngineListener {
  onState(state: EngineState): void;
  onNodes(added: readonly ClusterNode[], removed: readonly ClusterNode[]): void;
  /** A connection could not be made, or was lost; of one node the same not more often than every 10 seconds. */
  onFailure(error: Error, node: string): void;
}

/** Servers take these, and little else, while a script runs; its connection reads nothing. */
const SCRIPT_ENDINGS: ReadonlySet<string> = new Set(['script kill', 'function kill', 'function stats']);

/** What a read of the topology is called in errors. */
const TOPOLOGY_READ = 'Reading the topology';

/** The parts of the client put together: from a call to the reply, and from start to close. */
export class ClusterEngine {
  readonly table = new CommandTable();
  readonly leases: LeasePool;
  private readonly scheduler = new FlushScheduler();
  private readonly router: Router;
  private readonly refresher: TopologyRefresher;
  private readonly liveness: Liveness;
  private readonly topologySubject: BehaviorSubject<ClusterTopology>;
  private defaultNodeName: string | undefined = undefined;
  private strangerSeen = false;
  private current: EngineState = 'wait';
  private starting: Promise<void> | undefined = undefined;
  private ending: Promise<void> | undefined = undefined;
  /** When a close stops waiting for replies; milliseconds of `monotonicMs()`. */
  private drainUntil = Infinity;
  private readonly closer = new AbortController();
  /** What runs on leased connections. */
  private leasedWork = 0;
  private learning: Promise<void> | undefined = undefined;
  private learned = false;
  /** Batches that were begun and have not got all their answers. */
  private batches = 0;

  readonly options: ResolvedClusterOptions;
  /** Asks nodes that calls block on for a sign of life. */
  readonly pulse: NodePulse;
  private readonly credentials: CredentialsKeeper;

  constructor(
    given: ResolvedClusterOptions,
    private readonly listener: EngineListener,
  ) {
    const failures = new NodeFailures((error, node) => listener.onFailure(error, node));
    this.credentials = new CredentialsKeeper(given.credentials, given.connectTimeoutMs);
    this.credentials.onRenewal((credentials) => this.authenticateAnew(credentials));
    const options: ResolvedClusterOptions = { ...given, credentials: this.credentials.current };
    this.options = options;
    this.router = new Router(options, this.scheduler, {
      onStale: () => this.refresher.request(),
      onStranger: () => this.reportStranger(),
      onPatched: (topology) => this.adopt(topology),
      onLost: (node, error) => failures.report(node, error, this.scheduler.now()),
    });
    this.topologySubject = new BehaviorSubject(this.router.topology);
    this.refresher = new TopologyRefresher(
      {
        read: () => this.readTopology(),
        adopt: (topology) => {
          const before = this.topology;
          this.adopt(this.router.withoutGaps(topology));
          // not so for a MOVED: two nodes may name each other for a while
          this.router.releaseMoved(before);
          this.router.reviveLostPrimaries();
        },
        urgent: () => this.liveness.primaryMissing || this.strangerSeen || this.router.fillsGaps,
        unsettled: () => this.router.awaitsNodes,
      },
      options.refreshIntervalMs,
    );
    this.liveness = new Liveness(this.router, () => this.refresher.request());
    this.leases = new LeasePool(options);
    this.pulse = new NodePulse(options.replyTimeoutMs, (node) => this.ping(node));
  }

  get state(): EngineState {
    return this.current;
  }

  get topology(): ClusterTopology {
    return this.topologySubject.value;
  }

  /** The scripts this client knows. */
  get scripts(): ScriptRegistry {
    return this.router.scripts;
  }

  /** The topology now, and every change of it; completes when the client is closed. */
  get topology$(): Observable<ClusterTopology> {
    return this.topologySubject.asObservable();
  }

  /** Whoever prints what holds an engine sees neither credentials nor arguments that are under way. */
  [inspect.custom](): string {
    return `ClusterEngine { state: '${this.current}' }`;
  }

  /** The same for JSON. */
  toJSON(): { state: EngineState } {
    return { state: this.current };
  }

  /** Finds the cluster and connects to every primary. Joins an attempt that is under way. */
  connect(): Promise<void> {
    if (this.current === 'closing' || this.current === 'end') return Promise.reject(new ClientClosedError());
    return (this.starting ??= this.start());
  }

  /**
   * Runs one command, wherever it belongs, and gives its reply.
   * @throws InvalidArgumentError, CrossSlotError, BlockedCommandError before anything is sent
   */
  run(name: string, args: Argument[], policy: CallPolicy, shape: CallShape): Promise<unknown> {
    const row = this.table.lookup(name, args);
    if (row === undefined && name !== '' && !this.learned) {
      const until = monotonicMs() + policy.deadlineMs;
      return inTime(this.learnCommands(), name, policy, until).then(() =>
        this.run(name, args, policy, shape),
      );
    }
    let call: ResolvedCall;
    try {
      call = this.resolveRow(row ?? unknownCommandRow(name, args), name, args);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const { request } = call.row;
    if (call.slot === NO_SLOT && request !== 'slot' && request !== 'defaultNode') {
      return this.runSpread(call, policy, shape);
    }
    if (isBlocking(call.row, call.args) || (policy.durability !== undefined && call.row.write)) {
      const ended = withStreamEnds(call, (key) => this.newestEntry(key, call.slot, policy));
      return this.runLeased(new LeasedCommand(call, policy, shape, this.scripts, ended), policy);
    }
    return this.runSingle(call, policy, shape);
  }

  /** The newest entry of a stream, at the place that the call has among the caller's others. */
  private newestEntry(key: Argument, slot: number, policy: CallPolicy): Promise<unknown> {
    const args = [key, '+', '-', 'COUNT', '1'];
    const call = { ...this.resolve('xrevrange', [...args], slot), args };
    return this.runSingle(call, { ...policy, readFrom: 'primary' }, { buffers: true });
  }

  /** Does work on a leased connection to the node of its slot, or to one that is named; see `LeasedCall`. */
  runLeased(work: LeasedWork, policy: CallPolicy, node?: ClusterNode): Promise<unknown> {
    return this.finishing(new LeasedCall(this, work, policy, node).run());
  }

  /**
   * Runs one request of a call that goes to several nodes, or to one that the caller names. What ends a script must not
   * wait behind that script, so it gets a connection of its own.
   * @param until the deadline; milliseconds of `monotonicMs()`
   */
  runPart(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    until: number,
    node?: ClusterNode,
  ): Promise<unknown> {
    if (!SCRIPT_ENDINGS.has(call.row.name)) {
      return runBriefly(call, policy.deadlineMs, until, (part) =>
        this.runSingle(part, policy, shape, node, until),
      );
    }
    const left = { ...policy, deadlineMs: Math.max(1, Math.ceil(until - monotonicMs())) };
    return this.runLeased(new LeasedCommand(call, left, shape, this.scripts), left, node);
  }

  /** Has `close()` wait for something that runs on leased connections. */
  finishing<T>(work: Promise<T>): Promise<T> {
    this.leasedWork++;
    return work.finally(() => this.leasedWork--);
  }

  /**
   * Sends a call to one node: that of its slot, or one it is pinned to.
   * @param until its deadline where that is sooner than the one of its policy; milliseconds of `monotonicMs()`
   */
  runSingle(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    node?: ClusterNode,
    until = Infinity,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const command = new PromisedCommand(call, policy, shape, resolve, reject);
      command.deadlineAt = until;
      if (node !== undefined) this.router.pin(command, node);
      this.submit(command);
    });
  }

  /** As `run` for a command with keys, and tells the name of the node that answered. */
  async runTelling(
    name: string,
    args: Argument[],
    policy: CallPolicy,
    shape: CallShape,
  ): Promise<{ reply: unknown; node: string }> {
    const call = this.resolve(name, args);
    return new Promise((resolve, reject) => {
      this.submit(new TellingCommand(call, policy, shape, resolve, reject));
    });
  }

  /**
   * Finds out where a call belongs; refuses what must not be sent.
   * @param slot that of its keys, where the caller knows it
   */
  resolve(name: string, args: Argument[], slot?: number): ResolvedCall {
    return this.resolveRow(this.rowOf(name, args), name, args, slot);
  }

  /** As `resolve`, for a call whose node is named: what is blocked only for want of a node is let through. */
  resolveFor(name: string, args: Argument[]): ResolvedCall {
    const row = this.rowOf(name, args);
    this.refuseBlocked(row, true);
    return resolveCall(row, name, args, this.options.keyPrefix);
  }

  /** Sends a command on its way; before the client is connected, that is first seen to. */
  submit(command: Command): void {
    this.accept(command);
    if (command.settled) return;
    if (this.current === 'ready') this.router.dispatch(command);
    else this.submitOffline(command);
  }

  /** Lets a batch send all of its windows, also those whose turn comes while the client drains. */
  openBatch(): BatchLane {
    if (this.ending !== undefined) return { submit: (command) => this.submit(command), end: () => {} };
    this.batches++;
    return {
      submit: (command) => {
        this.accept(command);
        if (command.settled) return;
        if (this.current === 'ready' || this.current === 'closing') this.router.dispatch(command);
        else this.submitOffline(command);
      },
      end: () => void this.batches--,
    };
  }

  /**
   * Resolves once commands flow, for what does not begin with a command of its own. The deadline and the signal are those of
   * any call.
   * @param until when the call began, and its deadline; milliseconds of `monotonicMs()`
   */
  ready(name: string, policy: CallPolicy, until: number): Promise<void> {
    if (this.current === 'ready') return Promise.resolve();
    return new Promise((resolve, reject) => {
      const command = new ReadyCommand(name, policy, resolve, reject);
      command.deadlineAt = until;
      this.submit(command);
    });
  }

  /** Aborts when the client begins to close. */
  get closing(): AbortSignal {
    return this.closer.signal;
  }

  /** A node that a redirect names; see `Router.nodeToFollow`. */
  nodeToFollow(name: string): ClusterNode | undefined {
    return this.router.nodeToFollow(name);
  }

  /** Has a node end the wait of a connection that blocks; 1 where there was one. See CLIENT UNBLOCK. */
  unblock(node: ClusterNode, clientId: number): Promise<unknown> {
    return this.router.channelTo(node).control('CLIENT', 'UNBLOCK', String(clientId), 'ERROR');
  }

  /** Tells that something seen elsewhere (a subscriber's connection lost, say) makes the topology doubtful. */
  reportStale(): void {
    this.refresher.request();
  }

  /** Tells of a node that the topology does not have, and that may have joined without owning slots yet. */
  reportStranger(): void {
    this.strangerSeen = true;
    this.refresher.request();
  }

  /** Reads the topology now. @throws DeadlineExceededError, CommandAbortedError */
  async refreshTopology(policy: CallPolicy = this.ownPolicy): Promise<ClusterTopology> {
    await this.whenReady(policy, () => this.refresher.refresh());
    return this.topology;
  }

  /**
   * Asks for credentials and authenticates the connections that are open anew; leased ones are given up when they come
   * back. Resolves once that is done.
   * @throws AuthenticationError where a node refuses the credentials, ConnectionError where one does not answer within
   *   `connectTimeoutMs`: its connections stay as they are; CredentialsUnavailableError
   */
  refreshCredentials(): Promise<void> {
    return this.credentials.renew();
  }

  /** For who has connections of his own; see `CredentialsKeeper`. */
  onRenewal(renewal: Renewal): () => void {
    return this.credentials.onRenewal(renewal);
  }

  /** What the nodes say now of who owns which slot, whatever is made of it. */
  async readView(policy: CallPolicy): Promise<ClusterTopology> {
    return (await this.whenReady(policy, () => this.readTopology())) ?? this.topology;
  }

  /** Makes a node of the present topology the one for commands without keys; false where there is no such node. */
  setDefaultNode(name: string): boolean {
    if (this.topology.node(name) === undefined) return false;
    this.defaultNodeName = name;
    this.adopt(this.topology.restamped(this.topology.version + 1, name));
    return true;
  }

  /**
   * Refuses new calls, waits up to `drainMs` for the replies of those under way, and ends every connection.
   * Called again with less, the wait that is under way is cut short.
   */
  close(drainMs: number): Promise<void> {
    // what was called before there was a connection has nothing under way to wait for
    const patience = this.current === 'wait' || this.current === 'connecting' ? 0 : drainMs;
    this.drainUntil = Math.min(this.drainUntil, monotonicMs() + patience);
    return (this.ending ??= this.end());
  }

  /** Reads the topology, for as long as a call may take. */
  private async whenReady<T>(policy: CallPolicy, read: () => Promise<T>): Promise<T> {
    const until = monotonicMs() + policy.deadlineMs;
    await this.ready(TOPOLOGY_READ, policy, until);
    return inTime(read(), TOPOLOGY_READ, policy, until);
  }

  /** How the engine makes calls of its own. */
  private get ownPolicy(): CallPolicy {
    return { readFrom: 'primary', deadlineMs: this.options.deadlineMs, retry: 'never' };
  }

  private async authenticateAnew(credentials: Credentials): Promise<void> {
    this.leases.renew();
    const open = [...this.router.allChannels].filter(({ state }) => state === 'ready');
    const { connectTimeoutMs } = this.options;
    const limit = new CallLimit('AUTH', connectTimeoutMs, undefined);
    const renewed = open.map((channel) =>
      limit
        .wait(authenticate((...words) => channel.control(...words), credentials))
        .catch((error: unknown) => {
          if (!limit.ended(error)) throw error;
          throw new ConnectionError(channel.name, `no answer to AUTH within ${connectTimeoutMs} ms`);
        }),
    );
    await Promise.all(renewed);
  }

  /** Its parts are sent in the place of the call, also where it waits for the client to be connected. */
  private runSpread(call: ResolvedCall, policy: CallPolicy, shape: CallShape): Promise<unknown> {
    const until = monotonicMs() + policy.deadlineMs;
    if (this.current === 'ready') return this.spread(call, policy, shape, until);
    return new Promise((resolve, reject) => {
      const start = (): void => resolve(this.spread(call, policy, shape, until));
      this.submit(new ReadyCommand(call.name, policy, start, reject));
    });
  }

  private async spread(
    call: ResolvedCall,
    policy: CallPolicy,
    shape: CallShape,
    until: number,
  ): Promise<unknown> {
    const run = (whole: ResolvedCall, node?: ClusterNode): Promise<unknown> =>
      this.runPart(whole, policy, shape, until, node);
    const reply = await spreads[call.row.request as SpreadPolicy](call, this.topology, run);
    this.scripts.note(call);
    return reply;
  }

  /** Gives primaries that have joined the function libraries which this client has loaded on the others. */
  private loadLibraries(nodes: readonly ClusterNode[]): void {
    for (const node of nodes) {
      if (node.role !== 'primary') continue;
      for (const code of this.scripts.libraries.values()) {
        // not REPLACE: who added the node may have given it a newer version. Where this fails, a call says so
        const call = this.resolve('function', ['LOAD', code]);
        this.runSingle(call, this.ownPolicy, { buffers: false }, node).catch(() => {});
      }
    }
  }

  private ping(node: ClusterNode): Promise<unknown> {
    return this.runSingle(this.resolve('ping', []), this.ownPolicy, { buffers: false }, node);
  }

  private async start(): Promise<void> {
    this.become('connecting');
    try {
      await startUp(
        this.router,
        this.options,
        (topology) => this.adopt(topology),
        () => this.ending !== undefined,
      );
    } catch (error) {
      this.starting = undefined;
      this.router.waitingRoom.clear(error as Error);
      if (this.ending === undefined) this.become('wait');
      throw error;
    }
    this.become('ready');
    this.refresher.start();
    this.router.waitingRoom.releaseAll();
  }

  private accept(command: Command): void {
    command.deadlineAt = Math.min(command.deadlineAt, this.scheduler.now() + command.policy.deadlineMs);
    if (command.policy.signal !== undefined) abortBy(command.policy.signal, command);
    if (!command.settled) this.liveness.watch();
  }

  private submitOffline(command: Command): void {
    if (this.ending !== undefined) return command.fail(new ClientClosedError());
    this.router.waitingRoom.holdUntilReleased(command);
    // those that wait are told by the waiting room
    this.connect().catch(() => {});
  }

  private async end(): Promise<void> {
    this.become('closing');
    this.leases.drain();
    this.closer.abort();
    while (this.router.outstanding + this.leasedWork + this.batches > 0 && monotonicMs() < this.drainUntil) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    this.leases.close();
    this.refresher.stop();
    this.credentials.stop();
    this.liveness.stop();
    this.router.close();
    this.topologySubject.complete();
    this.become('end');
  }

  private async readTopology(): Promise<ClusterTopology | undefined> {
    const { dynamicStartupNodes, nodes: seeds } = this.options;
    // dynamic names are resolved anew with every connection, so seeds may lead to nodes that were never seen
    const nodes = dynamicStartupNodes ? [...this.topology.nodes, ...seeds] : seeds;
    const channels = new Set(nodes.map((address) => this.router.channelTo(address)));
    // once seen, nodes without slots are asked for as long as there are any
    const newcomers = this.strangerSeen || this.topology.primaries.some(({ slots }) => slots.length === 0);
    this.strangerSeen = false;
    const { topologies } = await readViews(channels, this.options, newcomers);
    // what was a seed may be a node of another cluster by now
    const ours = topologies.filter((view) => view.sharesNodes(this.topology));
    const view = prevailingView(ours.length > 0 ? ours : topologies);
    return view ?? (this.router.astray ? this.readSuccessor(nodes) : undefined);
  }

  /** What answers where the cluster was, as one that has been built anew does: the view of it, if it is one. */
  private async readSuccessor(nodes: readonly NodeAddress[]): Promise<ClusterTopology | undefined> {
    const channels = nodes.map((address) => this.router.channelToStranger(address));
    const { topologies } = await readAllViews(channels, this.options, this.options.connectTimeoutMs);
    for (const channel of channels) channel.close();
    const view = prevailingView(topologies);
    return view !== undefined && topologies.every((other) => other.sharesNodes(view)) ? view : undefined;
  }

  private adopt(topology: ClusterTopology): void {
    const before = this.topology;
    if (topology !== this.router.topology) {
      // a view that says nothing new must not wake everybody, and one without slots tells of a node, not of the cluster
      if (topology.version <= before.version && topology.sameView(before)) return;
      if (topology.coveredSlots === 0) return;
      this.router.adopt(topology.restamped(before.version + 1, this.defaultNodeFor(topology)));
    }
    this.topologySubject.next(this.router.topology);
    const added = this.topology.nodes.filter((node) => before.node(node.name) === undefined);
    const removed = before.nodes.filter((node) => this.topology.node(node.name) === undefined);
    if (added.length + removed.length > 0) this.listener.onNodes(added, removed);
    this.loadLibraries(added);
  }

  /** The node that was set; else a primary by lot, so that clients spread, which stays for as long as it is one. */
  private defaultNodeFor(topology: ClusterTopology): string | undefined {
    if (this.defaultNodeName !== undefined) return this.defaultNodeName;
    const { primaries } = topology;
    const present = this.topology.defaultNode?.name;
    if (primaries.some((primary) => primary.name === present)) return present;
    return primaries[Math.floor(Math.random() * primaries.length)]?.name;
  }

  /** What is known of a command; of one that is not known, what its arguments suggest. */
  rowOf(name: string, args: Argument[]): CommandRow {
    return this.table.lookup(name, args) ?? unknownCommandRow(name, args);
  }

  private resolveRow(row: CommandRow, name: string, args: Argument[], slot?: number): ResolvedCall {
    this.refuseBlocked(row, false);
    return resolveCall(row, name, args, this.options.keyPrefix, slot);
  }

  private refuseBlocked(row: CommandRow, targeted: boolean): void {
    const reason = refusalOf(row, this.options.allowBlocked, targeted);
    if (reason !== undefined) throw new BlockedCommandError(row.name.toUpperCase(), reason);
  }

  /** Asks a server for the commands it has, once, so that those of modules are routed by their real keys. */
  private learnCommands(): Promise<void> {
    return (this.learning ??= this.readCommands().finally(() => (this.learned = true)));
  }

  private async readCommands(): Promise<void> {
    const policy: CallPolicy = {
      readFrom: 'primary',
      deadlineMs: this.options.connectTimeoutMs,
      retry: 'safe',
    };
    try {
      const call = this.resolve('command', []);
      const reply = await this.runSingle(call, policy, { buffers: false });
      this.table.extend(rowsFromCommandReply(reply as Reply));
    } catch {
      // a user without the right to COMMAND has the static table, and unknown commands are taken as it says there
    }
  }

  private become(state: EngineState): void {
    this.current = state;
    this.listener.onState(state);
  }
}
