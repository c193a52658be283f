const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest duration: a thousand years. */
const LONGEST_MS = 1_000 * 366 * UNITS.d;

/**
 * Parses a duration: milliseconds, or a text such as `'90s'`, `'15m'`, `'12h'` or `'30d'`. Returns undefined if
 * invalid.
 */
export function durationMs(given: unknown): number | undefined {
  const [, count, unit] = /^(\d{1,15})(ms|s|m|h|d)$/.exec(String(given)) ?? [];
  const ms = typeof given === 'number' ? given : Number(count) * UNITS[unit];
  return Number.isSafeInteger(ms) && ms >= 1 && ms <= LONGEST_MS ? ms : undefined;
}
