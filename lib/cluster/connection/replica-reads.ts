import { REFUSALS } from '../common/refusals.js';
import type { ReplyError } from '../common/errors.js';

/** Keeps a connection to a replica in the mode in which the node serves reads of its slots; see READONLY. */
export class ReplicaReads {
  private wanted = false;
  /** Whether the node has refused READONLY for the moment, as it does while it runs a long script. */
  private refused = false;

  /** @param send sends a command on the present connection; rejects while there is none */
  constructor(private readonly send: (name: 'READONLY' | 'READWRITE') => Promise<unknown>) {}

  /** Makes the node serve reads. */
  allow(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.request();
  }

  /** Makes the node redirect reads. */
  forbid(): void {
    if (!this.wanted) return;
    this.wanted = false;
    this.refused = false;
    this.send('READWRITE').catch(() => {});
  }

  /** Sets the mode of a new connection. */
  begin(): void {
    if (this.wanted) this.request();
  }

  /** Repeats a request that was refused. To be called before commands are sent. */
  repeat(): void {
    if (this.refused) this.request();
  }

  private request(): void {
    this.refused = false;
    // without a connection `begin` follows; where READONLY is not permitted, the node redirects to its primary
    this.send('READONLY').catch(({ code }: Partial<ReplyError>) => {
      this.refused = this.wanted && code !== undefined && REFUSALS.has(code);
    });
  }
}
