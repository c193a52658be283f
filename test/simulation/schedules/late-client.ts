import type { ClusterClient } from '../../../lib/client/cluster-client.js';
import type { World } from '../servers/world.js';

/** How long connecting may take while most nodes agree, in ms. */
const CALM_MS = 400;

/** A client that connects in the middle of a schedule. */
export class LateClient {
  /** What it must never see, one line each. */
  readonly faults: string[] = [];
  private client: ClusterClient | undefined = undefined;
  private isOpen = false;

  constructor(
    private readonly create: () => ClusterClient,
    private readonly world: World,
    /** Whether most nodes serve, and agree, in a time. */
    private readonly isCalm: (from: number, to: number) => boolean,
  ) {}

  connect(): void {
    const calledAt = this.world.time.now;
    const end = (text: string): void => {
      const { now } = this.world.time;
      this.isOpen = false;
      this.world.trace('late client', 'connects', text);
      if (this.isCalm(calledAt, now) && (text !== 'done' || now - calledAt > CALM_MS))
        this.faults.push(
          `a client of ${calledAt} ms, when most nodes agreed, ended to connect after ${Math.round(now - calledAt)} ms: ${text}`,
        );
    };
    this.isOpen = true;
    this.client = this.create();
    this.client.connect().then(
      () => end('done'),
      (error: unknown) => end(String(error)),
    );
  }

  /** Reports that it is not connected yet. */
  reportOpen(): void {
    if (this.isOpen) this.faults.push('a client has neither connected nor failed to');
  }

  disconnect(): void {
    this.client?.disconnect();
  }
}
