import { setTimeout as delay } from 'node:timers/promises';
import type { NewOrder } from '../orders/new-order.js';

/** How it ends for a buyer. */
export type Ending = 'bought' | 'late' | 'error';
/** What makes a buyer send the order again: nobody knows whether it was placed, or it certainly was not. */
export type Setback = 'unknown' | 'refused';

const ANSWER_MS = 15_000;
const PATIENCE_MS = 60_000;
const PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 1_500;

const BY_STATUS: Readonly<Record<number, Ending | Setback>> = {
  200: 'bought',
  201: 'bought',
  503: 'refused',
  504: 'unknown',
};
const BY_CODE: Readonly<Record<string, Ending | Setback>> = {
  SOLD_OUT: 'late',
  TRANSACTION_CONFLICT: 'refused',
};

/**
 * Places an order over HTTP, and sends it again with the same id until there is an answer: however often it arrives,
 * it is one order.
 *
 * @param nextDoor gives the address for each attempt
 * @param onSetback called when an attempt has to be repeated
 */
export async function buy(
  nextDoor: () => string,
  saleId: string,
  order: NewOrder,
  onSetback: (setback: Setback) => void,
): Promise<Ending> {
  const givesUpAt = performance.now() + PATIENCE_MS;
  for (let attempt = 1; performance.now() < givesUpAt; attempt++) {
    const answer = await post(`${nextDoor()}/sales/${saleId}/orders`, order);
    if (answer !== 'unknown' && answer !== 'refused') return answer;
    onSetback(answer);
    await delay(Math.min(PAUSE_MS * attempt, LONGEST_PAUSE_MS));
  }
  return 'error';
}

async function post(url: string, order: NewOrder): Promise<Ending | Setback> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(order),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const { code } = (await response.json()) as { code?: string };
    return BY_STATUS[response.status] ?? BY_CODE[code ?? ''] ?? 'error';
  } catch {
    return 'unknown'; // the connection broke, or there was no answer
  }
}
