import { setTimeout as delay } from 'node:timers/promises';
import {
  ClusterEntity,
  createRepositories,
  PrimaryKey,
  Property,
  Version,
  type ClusterClient,
  type ClusterError,
  type ClusterRepository,
} from 'keyslot';

const OWNERS = 6;
const PAUSE_MS = 20;
let series = 0;

@ClusterEntity({ name: 'FaultAccount' })
class Account {
  @PrimaryKey() id!: string;
  @Property() saves: number = 0;
  @Version() version!: number;
}

/** What became of the saves. */
export interface CommitFigures {
  readonly commits: number;
  /** Saves that were refused or left in doubt; a save carries a token, so there is no reason for one. */
  readonly failed: ReadonlyMap<string, number>;
  /** Answered saves that no row knows of. */
  readonly lost: number;
  /** Saves that a row counts and nobody made. */
  readonly twice: number;
}

/** Owners of one row each, who save it again and again with its version checked. */
export class Commits {
  private readonly accounts: ClusterRepository<Account>;
  private readonly failed = new Map<string, number>();
  private readonly owners: { id: string; saves: number; doubtful: number }[];
  private readonly callers: Promise<void>[];
  private readonly stopping = new AbortController();
  commits = 0;

  /** @param pauseMs how long each owner pauses after a save, in ms */
  constructor(
    client: ClusterClient,
    private readonly pauseMs = PAUSE_MS,
  ) {
    this.accounts = createRepositories(client, [Account]).repository(Account);
    const name = `${process.pid}x${series++}`;
    this.owners = Array.from({ length: OWNERS }, (_, i) => ({ id: `${name}-${i}`, saves: 0, doubtful: 0 }));
    this.callers = this.owners.map((owner) => this.keepSaving(owner));
  }

  async stop(): Promise<CommitFigures> {
    this.stopping.abort();
    await Promise.all(this.callers);
    const rows = await Promise.all(this.owners.map(({ id }) => this.accounts.findOne(id)));
    let lost = 0;
    let twice = 0;
    for (const [i, { saves, doubtful }] of this.owners.entries()) {
      const stored = rows[i]?.saves ?? 0;
      lost += Math.max(0, saves - stored);
      twice += Math.max(0, stored - saves - doubtful);
    }
    return { commits: this.commits, failed: this.failed, lost, twice };
  }

  private async keepSaving(owner: { id: string; saves: number; doubtful: number }): Promise<void> {
    let account = this.accounts.create({ id: owner.id });
    while (!this.stopping.signal.aborted) {
      account.saves = owner.saves + 1;
      try {
        account = await this.accounts.save(account);
        owner.saves++;
        this.commits++;
      } catch (error) {
        const { code, applied } = error as ClusterError;
        this.failed.set(code, (this.failed.get(code) ?? 0) + 1);
        if (applied !== false) owner.doubtful++;
        const stored = await this.accounts.findOne(owner.id).catch(() => account);
        account = stored ?? this.accounts.create({ id: owner.id });
      }
      await delay(this.pauseMs);
    }
  }
}
