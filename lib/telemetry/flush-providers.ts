import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { within } from '../cluster/common/within.js';

/** What providers of the SDK have, and those of the API have not. */
interface Flushable {
  forceFlush?(): Promise<unknown>;
  /** The provider behind that of the API. */
  getDelegate?(): Flushable;
}

/**
 * Has providers export what they hold, within a time limit. Never rejects: an application must be able to end although
 * nobody receives its telemetry.
 * @returns what was wrong, or undefined
 */
export async function flushProviders(
  providers: readonly (TracerProvider | MeterProvider)[],
  timeoutMs: number,
): Promise<string | undefined> {
  if (timeoutMs === 0) return undefined;
  const flushed = flushAll(providers as readonly Flushable[]);
  return within(timeoutMs, flushed, () => `An exporter has not answered within ${timeoutMs} ms`);
}

async function flushAll(providers: readonly Flushable[]): Promise<string | undefined> {
  const flushed = await Promise.allSettled(providers.map(async (provider) => flush(provider)));
  const failure = flushed.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (failure === undefined) return undefined;
  const { reason } = failure as { reason: unknown };
  return `An exporter failed: ${reason instanceof Error ? reason.message : typeof reason}`;
}

const flush = (provider: Flushable): Promise<unknown> | undefined =>
  (provider.getDelegate?.() ?? provider).forceFlush?.();
