import { ReplyError } from '../common/errors.js';
import { monotonicMs } from '../common/timers.js';
import type { Argument } from '../protocol/request-encoder.js';
import type { Reply } from '../protocol/reply.js';
import { SLOT_COUNT } from '../topology/key-slot.js';

/** What a session reports. */
export interface SessionListener {
  /** The server says that a key has changed. @param key its bytes */
  onInvalidated(key: Buffer, session: CacheSession): void;
  /** Nothing that came by the connection holds any more. */
  onFlushed(session: CacheSession): void;
  /** The node has answered a check. */
  onViewed(session: CacheSession): void;
  /** The node refuses something that the cache needs. */
  onRefused(what: string, error: ReplyError, session: CacheSession): void;
}

/** What a node said of the cluster. */
export interface NodeView {
  /** The reply of CLUSTER NODES. */
  readonly nodes: string;
  /** When the request was sent, in ms of the client's clock. */
  readonly sentAt: number;
}

/** Sends a command on the connection of a session. */
export type SessionAsk = (name: string, args: readonly Argument[]) => Promise<Reply>;

/** Beyond this size, in bytes, a reply is not read again only to see whether the user may still read it. */
const LARGE_SAMPLE = 4_096;

/** One connection whose server reports what changes, from CLIENT TRACKING to its end. */
export class CacheSession {
  /** Counts how often everything that came by the connection was dropped. */
  generation = 0;
  /** When the newest check that is confirmed was sent, in ms of the client's clock. What was invalid then is dropped. */
  certifiedAt = -Infinity;
  /** The slots for which that holds, marked with 1. */
  claims = new Uint8Array(SLOT_COUNT);
  view: NodeView | undefined = undefined;
  /** The connection has ended. */
  ended = false;
  private checking = false;
  /** The node does not permit CLUSTER NODES. */
  private isBlind = false;
  /** A kept read of each command, by which a right that the user has lost is noticed. */
  private readonly samples = new Map<string, readonly Argument[]>();

  /**
   * @param node its name
   * @param fieldsExpire the server knows fields of hashes that expire on their own
   */
  constructor(
    readonly node: string,
    readonly fieldsExpire: boolean,
    private readonly ask: SessionAsk,
    private readonly listener: SessionListener,
  ) {}

  /** Handles what the server pushed. */
  onPush(items: readonly Reply[]): void {
    const [kind, keys] = items;
    if (!Buffer.isBuffer(kind) || !kind.equals(INVALIDATE)) return;
    if (!Array.isArray(keys)) this.flush();
    else for (const key of keys) if (Buffer.isBuffer(key)) this.listener.onInvalidated(key, this);
  }

  /** Drops all that came by the connection. */
  flush(): void {
    this.generation++;
    this.samples.clear();
    this.listener.onFlushed(this);
  }

  /** Called when the connection has ended. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.flush();
  }

  /** Records a read whose reply is kept. @param bytes the size of the reply */
  sample(name: string, args: readonly Argument[], bytes: number): void {
    if (bytes <= LARGE_SAMPLE || !this.samples.has(name)) this.samples.set(name, args);
  }

  /**
   * Requests the node's view of the cluster, and repeats a kept read of each command: a node that does not serve it any
   * more, to this user, ends what came from it.
   */
  check(): void {
    if (this.checking || this.ended || this.isBlind) return;
    this.checking = true;
    const sentAt = monotonicMs();
    const { generation } = this;
    const nodes = this.ask('CLUSTER', ['NODES']).catch((error: unknown) => this.blinded(error));
    const reads = [...this.samples].map(([name, args]) =>
      this.ask(name, args).catch((error: unknown) => this.denied(error)),
    );
    void Promise.all([nodes, ...reads])
      .then(([text]) => {
        if (typeof text !== 'string' || generation !== this.generation) return;
        this.view = { nodes: text, sentAt };
        this.listener.onViewed(this);
      })
      .finally(() => (this.checking = false));
  }

  /** Certifies what came by the connection and is kept. */
  certify(claims: Uint8Array<ArrayBuffer>, asOf: number): void {
    this.claims = claims;
    this.certifiedAt = Math.max(this.certifiedAt, asOf);
  }

  private blinded(error: unknown): null {
    if (error instanceof ReplyError && error.code === 'NOPERM') {
      this.isBlind = true;
      this.listener.onRefused('CLUSTER NODES', error, this);
    }
    return null;
  }

  private denied(error: unknown): null {
    // the key has got another type, which was reported as any change is
    if (error instanceof ReplyError && error.code !== 'WRONGTYPE') this.flush();
    return null;
  }
}

const INVALIDATE = Buffer.from('invalidate');
