import { setTimeout as delay } from 'node:timers/promises';
import {
  createRepositories,
  LockLostError,
  LockTimeoutError,
  type ClusterClient,
  type ClusterError,
} from 'keyslot';
import { Receipt, SUM, Sum, Till, TILL_CLASSES } from './model.js';

/** What somebody who works on a till reports, before and after each write. */
export type TillEvent =
  | { readonly type: 'ready' }
  | { readonly type: 'receipt begun' | 'receipt done' | 'receipt refused'; readonly id: string }
  | { readonly type: 'visit begun' | 'visit refused'; readonly token: string }
  | { readonly type: 'visit done'; readonly token: string; readonly visits: number }
  | { readonly type: 'lock held' | 'lock lost' | 'change handled' }
  | { readonly type: 'failed'; readonly error: string };

/** What a worker is given. */
export interface TillWork {
  readonly client: ClusterClient;
  readonly tillId: string;
  /** Differs between all who work on a till. */
  readonly name: string;
  emit(event: TillEvent): void;
  readonly ending: AbortSignal;
}

export type TillRole = 'saver' | 'locker' | 'follower';

/** How long a lock outlives a holder that does not renew it, in ms. */
export const LOCK_TTL_MS = 1_000;
const DEADLINE_MS = 60_000;
const OPTIONS = { deadlineMs: DEADLINE_MS };
const SAVES_AT_A_TIME = 4;
const PAUSE_MS = 5;
/** Savers are slower, so that a follower keeps up with them. */
const SAVER_PAUSE_MS = 60;
const HOLD_MS = 100;

/** Works until the signal. */
export const TILL_ROLES: Readonly<Record<TillRole, (work: TillWork) => Promise<void>>> = {
  /** Inserts receipts, several at a time, and moves them in the index. */
  async saver({ client, tillId, name, emit, ending }) {
    const receipts = createRepositories(client, TILL_CLASSES).repository(Receipt);
    let number = 0;
    const keepSaving = async (): Promise<void> => {
      while (!ending.aborted) {
        const id = `${name}-${number++}`;
        emit({ type: 'receipt begun', id });
        try {
          await receipts.insert(receipts.create({ tillId, id, reference: id, buyer: 0 }), OPTIONS);
          emit({ type: 'receipt done', id });
          await receipts.update({ tillId, id }, { buyer: number % 7 }, OPTIONS);
        } catch (error) {
          if ((error as ClusterError).applied === false) emit({ type: 'receipt refused', id });
          emit({ type: 'failed', error: describe(error) });
        }
        await delay(SAVER_PAUSE_MS);
      }
    };
    emit({ type: 'ready' });
    await Promise.all(Array.from({ length: SAVES_AT_A_TIME }, keepSaving));
  },

  /** Counts visits: reads and writes a row in two steps, which only a lock keeps whole. */
  async locker({ client, tillId, emit, ending }) {
    const tills = createRepositories(client, TILL_CLASSES).repository(Till);
    emit({ type: 'ready' });
    while (!ending.aborted) {
      await tills
        .withLock(
          tillId,
          async (lock) => {
            emit({ type: 'lock held' });
            const locked = lock.repository(Till);
            const visits = (await locked.findOneOrFail(tillId)).visits + 1;
            await delay(HOLD_MS);
            const token = String(lock.token);
            emit({ type: 'visit begun', token });
            try {
              await locked.update(tillId, { visits, token }, OPTIONS);
            } catch (error) {
              if ((error as ClusterError).applied === false) emit({ type: 'visit refused', token });
              throw error;
            }
            emit({ type: 'visit done', token, visits });
          },
          { ttlMs: LOCK_TTL_MS, waitMs: DEADLINE_MS },
        )
        .catch((error: unknown) => {
          if (error instanceof LockLostError) emit({ type: 'lock lost' });
          else if (!(error instanceof LockTimeoutError && ending.aborted))
            emit({ type: 'failed', error: describe(error) });
        });
      await delay(PAUSE_MS);
    }
  },

  /** Adds each receipt to the sum, in the commit that moves the position of the group. */
  async follower({ client, tillId, emit, ending }) {
    const follower = createRepositories(client, TILL_CLASSES)
      .repository(Receipt)
      .follow(
        `sum-${tillId}`,
        async (change, context) => {
          if (change.type !== 'insert') return;
          await context.transaction(async (tx) => tx.increment(Sum, { tillId, id: SUM }, 'receipts', 1));
          emit({ type: 'change handled' });
        },
        {
          from: 'start',
          leaseMs: 2_000,
          pollMs: 1_000,
          retry: { attempts: Infinity, delayMs: 20, maxDelayMs: 500 },
          onError: () => {},
        },
      );
    await follower.ready();
    emit({ type: 'ready' });
    if (!ending.aborted) await new Promise((resolve) => ending.addEventListener('abort', resolve));
    await follower.close();
  },
};

function describe(error: unknown): string {
  const { code, message } = error as ClusterError;
  return `${code} ${message}`;
}
