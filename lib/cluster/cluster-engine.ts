import { inspect } from 'node:util';
import type { Observable } from 'rxjs';
import type { BatchLane, SentBatch } from './batch/sent-batch.js';
import type { CallPolicy, CallShape } from './command/call-policy.js';
import type { Command } from './command/command.js';
import { CallLimit } from './command/call-limit.js';
import type { ResolvedCall } from './command/resolved-call.js';
import type { EngineState } from './common/engine-state.js';
import { ClientClosedError } from './common/errors.js';
import { monotonicMs, setTimeout } from './common/timers.js';
import { CommandIntake } from './command-intake.js';
import { CommandResolver } from './command-resolver.js';
import { CommandRunner } from './command-runner.js';
import { traceConnect } from './diagnostics/trace-connect.js';
import { FlushScheduler } from './connection/flush-scheduler.js';
import { startUp } from './discovery/discover-cluster.js';
import { FailureReports } from './discovery/failure-reports.js';
import { TopologyTracker } from './discovery/topology-tracker.js';
import { LeasePool } from './leases/lease-pool.js';
import { NodePings } from './leases/node-ping.js';
import { takeStats } from './engine-stats.js';
import { LibraryLoader } from './library-loader.js';
import { CredentialsKeeper, type Renewal } from './options/credentials.js';
import type { ResolvedClusterOptions } from './options/options.js';
import type { Argument } from './protocol/request-encoder.js';
import { Liveness } from './routing/liveness.js';
import { renewConnections } from './routing/renew-connections.js';
import { Router } from './routing/router.js';
import type { ScriptRegistry } from './scripts/script-registry.js';
import { ClusterCounters } from './stats/cluster-counters.js';
import type { ClusterStats } from './stats/cluster-stats.js';
import type { ClusterNode, ClusterTopology } from './topology/topology.js';

/** What the engine reports to the client. */
export interface EngineListener {
  onState(state: EngineState): void;
  onNodes(added: readonly ClusterNode[], removed: readonly ClusterNode[]): void;
  /** A node has no connection (reported every 10 s at most), or its address does not lead to it (reported once). */
  onFailure(error: Error, node: string): void;
}

/** How errors name a read of the topology. */
const TOPOLOGY_READ = 'Reading the topology';
/** How often a close checks whether replies are still pending, in ms. */
const DRAIN_CHECK_MS = 2;

/** The life cycle of the client, from connect to close, and the parts it consists of. */
export class ClusterEngine {
  readonly options: ResolvedClusterOptions;
  readonly leases: LeasePool;
  /** Pings nodes while calls block on them. */
  readonly pings: NodePings;
  readonly resolver: CommandResolver;
  readonly runner: CommandRunner;
  private readonly intake: CommandIntake;
  private readonly scheduler = new FlushScheduler();
  private readonly router: Router;
  private readonly tracker: TopologyTracker;
  private readonly liveness: Liveness;
  private readonly credentials: CredentialsKeeper;
  private current: EngineState = 'wait';
  private starting: Promise<void> | undefined = undefined;
  private ending: Promise<void> | undefined = undefined;
  /** When a close stops waiting for replies; milliseconds of `monotonicMs()`. */
  private drainUntil = Infinity;
  private readonly closer = new AbortController();

  constructor(
    given: ResolvedClusterOptions,
    private readonly listener: EngineListener,
    readonly counters: ClusterCounters = new ClusterCounters(),
  ) {
    this.credentials = new CredentialsKeeper(given.credentials, given.connectTimeoutMs);
    const options = (this.options = { ...given, credentials: this.credentials.current });
    const failures = new FailureReports(() => this.router.pool, options, listener, this.closing);
    this.router = new Router(options, this.scheduler, counters, {
      onStale: (reason) => this.tracker.requestRefresh(reason),
      onUnknownNode: () => this.tracker.reportUnknownNode(),
      onMoved: (topology) => this.tracker.adopt(topology),
      onLost: (node, error) => failures.report(node, error, this.scheduler.now()),
      onUnavailable: (error, node) => listener.onFailure(error, node),
    });
    this.liveness = new Liveness(this.router, this.scheduler, () => this.tracker);
    this.resolver = new CommandResolver(options, (call) =>
      this.runner.runSingle(
        call,
        { ...this.ownPolicy, deadlineMs: options.connectTimeoutMs, retry: 'safe' },
        { buffers: false },
      ),
    );
    this.intake = new CommandIntake(this, this.router, this.scheduler, this.liveness);
    this.runner = new CommandRunner(this, this.router, this.resolver, this.intake);
    const libraries = new LibraryLoader(this.scripts, this.resolver, this.runner, this.ownPolicy);
    this.tracker = new TopologyTracker(
      this.router,
      options,
      (added, removed) => {
        listener.onNodes(added, removed);
        libraries.loadOn(added);
      },
      () => this.liveness.primaryMissing,
      counters.topology,
    );
    this.leases = new LeasePool(options, counters);
    this.pings = new NodePings(options.replyTimeoutMs, (node) => this.ping(node));
    this.credentials.onRenewal((renewed) => {
      this.leases.renew();
      return renewConnections(this.router.pool.all, renewed, options.connectTimeoutMs);
    });
  }

  get state(): EngineState {
    return this.current;
  }

  get topology(): ClusterTopology {
    return this.tracker.topology;
  }

  /** The present topology, and every change of it; completes when the client is closed. */
  get topology$(): Observable<ClusterTopology> {
    return this.tracker.topology$;
  }

  /** The scripts that this client knows. */
  get scripts(): ScriptRegistry {
    return this.router.scripts;
  }

  /** Aborts when the client begins to close. */
  get closing(): AbortSignal {
    return this.closer.signal;
  }

  /** Prints no credentials and no arguments. */
  [inspect.custom](): string {
    return `ClusterEngine { state: '${this.current}' }`;
  }

  toJSON(): { state: EngineState } {
    return { state: this.current };
  }

  /** Takes a snapshot of all that is counted. */
  stats(): ClusterStats {
    return takeStats(this.counters, this.router, this.leases);
  }

  /** Finds the cluster and connects to every primary. Joins an attempt that is in progress. */
  connect(): Promise<void> {
    if (this.current === 'closing' || this.current === 'end') return Promise.reject(new ClientClosedError());
    return (this.starting ??= traceConnect('client', this.options, undefined, () => this.start()));
  }

  /** Runs one command; see `CommandRunner.run`. */
  run(name: string, args: Argument[], policy: CallPolicy, shape: CallShape): Promise<unknown> {
    return this.runner.run(name, args, policy, shape);
  }

  /** Finds the slot of a call; see `CommandResolver.resolve`. */
  resolve(name: string, args: Argument[], slot?: number): ResolvedCall {
    return this.resolver.resolve(name, args, slot);
  }

  /** Sends a command; see `CommandIntake.submit`. */
  submit(command: Command): void {
    this.intake.submit(command);
  }

  /** Opens the lane of a batch; see `CommandIntake.openBatch`. */
  openBatch(batch: SentBatch): BatchLane {
    return this.intake.openBatch(batch);
  }

  /** Resolves once commands flow; see `CommandIntake.ready`. */
  ready(name: string, policy: CallPolicy, until: number): Promise<void> {
    return this.intake.ready(name, policy, until);
  }

  /** The node that a redirect names; see `Router.nodeToFollow`. */
  nodeToFollow(name: string): ClusterNode | undefined {
    return this.router.redirects.nodeToFollow(name);
  }

  /** Ends the wait of a blocked connection; resolves with 1 if there was one. See CLIENT UNBLOCK. */
  unblock(node: ClusterNode, clientId: number): Promise<unknown> {
    return this.router.pool.channelTo(node).control('CLIENT', 'UNBLOCK', String(clientId), 'ERROR');
  }

  /** Requests a read of the topology, because of a lost subscriber connection for one. */
  reportStale(): void {
    this.tracker.requestRefresh('lost connection');
  }

  /** Requests a read of the topology because of a node that it does not have. */
  reportUnknownNode(): void {
    this.tracker.reportUnknownNode();
  }

  /** Reads the topology now. @throws DeadlineExceededError, CommandAbortedError */
  async refreshTopology(policy: CallPolicy = this.ownPolicy): Promise<ClusterTopology> {
    await this.whenReady(policy, () => this.tracker.refresh());
    return this.topology;
  }

  /** Reads the topology from the nodes, without adopting it. @throws DeadlineExceededError, CommandAbortedError */
  async readView(policy: CallPolicy): Promise<ClusterTopology> {
    return (await this.whenReady(policy, () => this.tracker.read())) ?? this.topology;
  }

  /** Makes a node of the present topology the one for commands without keys. False if there is no such node. */
  setDefaultNode(name: string): boolean {
    return this.tracker.setDefaultNode(name);
  }

  /**
   * Requests credentials and authenticates the open connections again. Leased connections end when they are given back.
   * @throws AuthenticationError if a node refuses the credentials; ConnectionError if one does not answer within
   *   `connectTimeoutMs`: its connections stay as they are; CredentialsUnavailableError
   */
  refreshCredentials(): Promise<void> {
    return this.credentials.renew();
  }

  /** Calls back with new credentials, for connections of another owner; see `CredentialsKeeper`. */
  onRenewal(renewal: Renewal): () => void {
    return this.credentials.onRenewal(renewal);
  }

  /**
   * Refuses new calls, waits up to `drainMs` for pending replies, and ends every connection. A second call with less
   * time shortens the wait.
   */
  close(drainMs: number): Promise<void> {
    // before the client is connected nothing has been sent
    const patience = this.current === 'wait' || this.current === 'connecting' ? 0 : drainMs;
    this.drainUntil = Math.min(this.drainUntil, monotonicMs() + patience);
    return (this.ending ??= this.end());
  }

  private async start(): Promise<void> {
    this.become('connecting');
    try {
      await startUp(
        this.router,
        this.options,
        (topology) => this.tracker.adopt(topology),
        () => this.ending !== undefined,
      );
    } catch (error) {
      this.starting = undefined;
      if (this.ending === undefined) this.become('wait'); // the rest of a pipeline connects again in the next line
      this.router.retryQueue.clear(error as Error);
      throw error;
    }
    this.become('ready');
    this.tracker.start();
    this.router.retryQueue.releaseAll();
  }

  private async end(): Promise<void> {
    this.become('closing');
    this.leases.drain();
    this.closer.abort();
    while (this.pendingCalls > 0 && monotonicMs() < this.drainUntil) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_CHECK_MS));
    }
    this.leases.close();
    this.tracker.stop();
    this.credentials.stop();
    this.liveness.stop();
    this.router.close();
    this.tracker.complete();
    this.become('end');
  }

  private get pendingCalls(): number {
    return this.router.outstanding + this.runner.leasedCalls + this.intake.openBatches;
  }

  private async whenReady<T>(policy: CallPolicy, read: () => Promise<T>): Promise<T> {
    const until = monotonicMs() + policy.deadlineMs;
    await this.ready(TOPOLOGY_READ, policy, until);
    return new CallLimit(TOPOLOGY_READ, policy.deadlineMs, policy.signal, until).wait(read());
  }

  /** The policy of the client's own calls. */
  private get ownPolicy(): CallPolicy {
    return { readFrom: 'primary', deadlineMs: this.options.deadlineMs, retry: 'never' };
  }

  private ping(node: ClusterNode): Promise<unknown> {
    return this.runner.runSingle(this.resolve('ping', []), this.ownPolicy, { buffers: false }, node);
  }

  private become(state: EngineState): void {
    this.current = state;
    this.listener.onState(state);
  }
}
