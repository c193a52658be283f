const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const SMALL = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** `16,384`. */
export const whole = (value) => WHOLE.format(value);

/** `7`, `0.4`, `12.3K`: at most three digits. */
export function rate(value) {
  if (value === 0) return '0';
  if (value < 10) return SMALL.format(value);
  return value < 1_000 ? WHOLE.format(value) : SHORT.format(value);
}

/** `3.4 MB`. */
export function bytes(value) {
  let amount = value;
  let unit = 0;
  while (amount >= 1_000 && unit < UNITS.length - 1) {
    amount /= 1_000;
    unit++;
  }
  return `${unit === 0 ? WHOLE.format(amount) : SMALL.format(amount)} ${UNITS[unit]}`;
}

/** `0.42 ms`, `1.3 s`. */
export function milliseconds(value) {
  if (value === 0) return '–';
  return value < 1_000 ? `${SMALL.format(value)} ms` : `${SMALL.format(value / 1_000)} s`;
}

/** `3 d 4 h`, `5 min`. */
export function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

/** `14:03:27`. */
export const clock = (at) => new Date(at).toLocaleTimeString('en-GB');

/** `1 slot`, `2 slots`. */
export const counted = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;

/** `3 MOVED, 1 ASK`; nothing for no counts. */
export const byName = (counts) =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${whole(count)} ${name}`)
    .join(', ');
