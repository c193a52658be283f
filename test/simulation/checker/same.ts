import type { Plain } from './history.js';

/** Whether two values are equal. */
export const same = (a: Plain, b: Plain): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
