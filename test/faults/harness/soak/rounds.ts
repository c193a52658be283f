import { setTimeout as delay } from 'node:timers/promises';
import type { EntityRegistry } from 'keyslot';
import type { LocalCluster } from 'keyslot/testing';
import type { KeyslotSession } from '../clients/keyslot.js';
import { Commits } from '../commits.js';
import { Halls, seatsOf } from '../histories/halls.js';
import { together, type HistoryFigures } from '../histories/verdicts.js';
import { WatchedRegisters } from '../histories/watched-registers.js';
import { Load } from '../load.js';
import { Messages } from '../messages.js';
import { Shards } from '../shards.js';
import { readTruth } from '../truth.js';
import type { Pick, SoakFault } from './soak-faults.js';

/** How fast the callers of a round call. */
export interface Pace {
  readonly callers: number;
  readonly pauseMs: number;
}

const STABLE = { timeoutMs: 180_000 };

/** Rounds of load, each with a fault in it, and what the callers were told, held against what the nodes have. */
export class Rounds {
  readonly totals = {
    calls: 0,
    saves: 0,
    messages: 0,
    lost: 0,
    /** Of those lost, the ones that no fault explains. */
    lostOtherwise: 0,
    twice: 0,
    untruthful: 0,
    disordered: 0,
    missedMessages: 0,
  };
  /** Failed calls by their code. */
  readonly errors = new Map<string, number>();
  /** Faults by name, and those that could not be injected, with the reason. */
  readonly faults = new Map<string, number>();
  /** Replicas that took over though no fault had asked for it: the machine was too busy for the nodes. */
  unplannedTakeovers = 0;
  readonly examples: string[] = [];
  history: HistoryFigures = { calls: 0, keys: 0, unexplained: [], undecided: 0 };
  private readonly seats: EntityRegistry;

  constructor(
    private readonly cluster: LocalCluster,
    private readonly session: KeyslotSession,
    private readonly pace: Pace,
  ) {
    this.seats = seatsOf(session.client);
  }

  /**
   * One round. Its books are closed and its keys deleted at the end, so that neither grows.
   * @param untilMs how long the load goes on at least, in ms
   */
  async play(
    name: string,
    { inject, mayLose, changedRoles }: SoakFault,
    pick: Pick,
    untilMs: number,
  ): Promise<void> {
    const { cluster, session } = this;
    const startedAt = performance.now();
    const rolesBefore = this.primaries;
    const load = new Load(session, Shards.even(3), startedAt, this.pace);
    const commits = new Commits(session.client, this.pace.pauseMs);
    const messages = await Messages.start(session.client, this.pace.pauseMs);
    const halls = new Halls(this.seats, load.slotsInUse);
    const watched = new WatchedRegisters(session.client, load.tagsInUse);
    await delay(300);
    await inject(cluster, pick).then(
      () => this.countFault(name),
      (error: Error) => this.countFault(`${name} not injected: ${error.message.split('\n')[0]}`),
    );
    await cluster.waitUntilStable(STABLE);
    await delay(Math.max(500, untilMs - (performance.now() - startedAt)));
    const [saved, heard] = await Promise.all([
      commits.stop(),
      messages.stop(),
      load.stop(),
      halls.stop(),
      watched.stop(),
    ]);
    await cluster.waitUntilStable(STABLE);
    const rolesAfter = this.primaries;
    const changed = [...rolesBefore, ...rolesAfter].filter(
      (node) => rolesBefore.has(node) !== rolesAfter.has(node),
    ).length;
    if (changed > changedRoles) this.unplannedTakeovers++;
    const isLosing = mayLose || changed > changedRoles;
    const losses = isLosing ? [{ from: startedAt, to: performance.now() }] : [];
    const { oracle, recorded } = load;
    const keys = [...oracle.counters, ...recorded.registers];
    const truth = await readTruth(cluster, {}, keys, [...oracle.sequences.keys()]);
    const verdict = oracle.judge(truth);
    const judged = [recorded.judge(truth, losses), await halls.judge(losses), await watched.judge(losses)];
    this.history = judged.reduce(together, this.history);
    for (const text of judged.flatMap(({ unexplained }) => unexplained))
      this.examples.push(`after ${name}, unexplained: ${text}`);
    const { totals } = this;
    const lost = verdict.lost + saved.lost;
    totals.calls += load.calls;
    totals.saves += saved.commits;
    totals.messages += heard.published;
    totals.missedMessages += heard.missed;
    totals.lost += lost;
    if (!isLosing) totals.lostOtherwise += lost;
    totals.twice += verdict.twice + saved.twice;
    totals.untruthful += verdict.untruthful;
    totals.disordered += verdict.disordered;
    if (verdict.twice + verdict.untruthful + verdict.disordered > 0 || (lost > 0 && !isLosing))
      this.examples.push(`${name}: ${verdict.examples.join(', ')}`);
    for (const [code, count] of [...load.errors, ...saved.failed])
      this.errors.set(code, (this.errors.get(code) ?? 0) + count);
    await Promise.all(cluster.primaries.map((node) => cluster.command(node, 'FLUSHALL')));
  }

  private get primaries(): Set<string> {
    return new Set(this.cluster.primaries.map(({ name }) => name));
  }

  private countFault(name: string): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
  }
}
