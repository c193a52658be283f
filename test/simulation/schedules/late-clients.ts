import type { ClusterClient } from '../../../lib/client/cluster-client.js';
import type { World } from '../servers/world.js';

/** How long connecting may take while most nodes agree, in ms. */
const CALM_MS = 400;

/** Creates a client, and what comes of connecting while most nodes agree: `connected`, or the code of an error. */
export type Kind = readonly [create: () => ClusterClient, expected: string];

/** Clients that connect in the middle of a schedule. */
export class LateClients {
  /** What they must never see, one line each. */
  readonly faults: string[] = [];
  private readonly clients: ClusterClient[] = [];
  private open = 0;

  constructor(
    private readonly kinds: readonly Kind[],
    private readonly world: World,
    /** Whether most nodes serve, and agree, in a time. */
    private readonly isAgreed: (from: number, to: number) => boolean,
  ) {}

  /** Connects one client of each kind. */
  connect(): void {
    for (const [create, expected] of this.kinds) {
      const client = create();
      const calledAt = this.world.time.now;
      this.clients.push(client);
      this.open++;
      client.connect().then(
        () => this.end('connected', expected, calledAt),
        (error: unknown) => this.end((error as { code?: string }).code ?? String(error), expected, calledAt),
      );
    }
  }

  /** Reports those that are not connected yet. */
  reportOpen(): void {
    if (this.open > 0) this.faults.push('a late client has neither connected nor failed to');
  }

  disconnect(): void {
    for (const client of this.clients) client.disconnect();
  }

  private end(outcome: string, expected: string, calledAt: number): void {
    const { now } = this.world.time;
    this.open--;
    this.world.trace('late client', 'connects', outcome);
    if (this.isAgreed(calledAt, now) && (outcome !== expected || now - calledAt > CALM_MS))
      this.faults.push(
        `a late client of ${calledAt} ms, when most nodes agreed, was "${outcome}" after ${Math.round(now - calledAt)} ms, not "${expected}"`,
      );
  }
}
