import { CredentialsUnavailableError, type Credentials } from '../cluster/options/credentials.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import { LONGEST_TIMER_MS, monotonicMs } from '../cluster/common/timers.js';
import { within } from '../cluster/common/within.js';

/** A password that ends, such as a token. */
export interface IssuedCredentials {
  readonly username?: string | undefined;
  readonly password: string;
  /** When it ends: a Date, or milliseconds since 1970. */
  readonly expiresAt: Date | number;
}

/** A password with its times, in milliseconds of `monotonicMs()`. */
interface Held {
  readonly credentials: Pick<Credentials, 'username' | 'password'>;
  readonly endsAt: number;
  renewAt: number;
}

/** The share of its life after which a token is renewed, and how much of its life is added at random. */
const RENEWAL_SHARE = 0.7;
const RENEWAL_JITTER = 0.15;
/** The shortest time between two requests for a token, in ms, unless the token ends sooner. */
const SHORTEST_MS = 1_000;
/** How long after a failed renewal the next attempt follows, in ms, while the token is still valid; plus jitter. */
const RETRY_MS = 5_000;
/** How long a renewal may take, in ms, while the token at hand is valid. */
const RENEWAL_MS = 1_000;
/** How long a request for a token may take, in ms, before there is another one. A later answer is used, too. */
const REQUEST_MS = 10_000;

/**
 * Makes a `credentialsProvider` of a function that issues passwords with an end. However many connections ask for it,
 * it requests one password at a time, and keeps it. It renews it after 70 to 85 percent of its life, at random, so that
 * processes do not all renew at the same moment, and the client then authenticates its open connections again. If a
 * renewal fails, or takes longer than a second, it returns the password at hand for as long as that is valid, and tries
 * again every few seconds. A request that is not answered within 10 s is followed by another.
 *
 * The provider rejects with what `issue` throws once no valid password is left, or with `CredentialsUnavailableError`
 * if an issued password has ended already, or none came in time.
 */
export function tokenCredentials(
  issue: () => IssuedCredentials | Promise<IssuedCredentials>,
): () => Promise<Credentials> {
  if (typeof issue !== 'function') {
    throw new InvalidArgumentError('issue', 'tokenCredentials needs a function that issues credentials');
  }
  const tokens = new TokenKeeper(issue);
  return () => tokens.current();
}

class TokenKeeper {
  private held: Held | undefined = undefined;
  private asking: Promise<Held> | undefined = undefined;
  /** Requests are numbered, so that an answer that comes late does not replace that to a later one. */
  private requests = 0;
  private answered = 0;

  constructor(private readonly issue: () => IssuedCredentials | Promise<IssuedCredentials>) {}

  async current(): Promise<Credentials> {
    const { held } = this;
    if (held !== undefined && monotonicMs() < held.renewAt) return asAnswer(held);
    try {
      this.asking ??= within(REQUEST_MS, this.ask(), unanswered).finally(() => (this.asking = undefined));
      const isValid = held !== undefined && monotonicMs() < held.endsAt;
      return asAnswer(await (isValid ? within(RENEWAL_MS, this.asking, unanswered) : this.asking));
    } catch (error) {
      const left = held === undefined ? 0 : held.endsAt - monotonicMs();
      if (held === undefined || left <= 0) throw error;
      held.renewAt = monotonicMs() + Math.min(left / 2, RETRY_MS * (1 + Math.random()));
      return asAnswer(held);
    }
  }

  private async ask(): Promise<Held> {
    const request = ++this.requests;
    const { username, password, expiresAt } = await this.issue();
    const left = Number(expiresAt) - Date.now();
    if (Number.isNaN(left)) {
      throw new InvalidArgumentError(
        'expiresAt',
        'expiresAt of issued credentials must be a Date, or milliseconds since 1970',
      );
    }
    if (left <= 0) {
      throw new CredentialsUnavailableError(
        'received a token that has ended already. Check the clock of this machine',
      );
    }
    const now = monotonicMs();
    const share = left * (RENEWAL_SHARE + RENEWAL_JITTER * Math.random());
    const issued: Held = {
      credentials: { username, password },
      endsAt: now + left,
      renewAt: now + Math.max(share, Math.min(left, SHORTEST_MS)),
    };
    if (request > this.answered) {
      this.answered = request;
      this.held = issued;
    }
    return issued;
  }
}

function unanswered(): never {
  throw new CredentialsUnavailableError('received no token in time');
}

function asAnswer({ credentials, renewAt }: Held): Credentials {
  // a timer may fire a millisecond early, and would find the old token
  const refreshAfterMs = Math.max(1, Math.ceil(renewAt - monotonicMs()) + 1);
  return { ...credentials, refreshAfterMs: Math.min(LONGEST_TIMER_MS, refreshAfterMs) };
}
