/** The most digits of a counter, and of what is added to it: the sum of two such numbers cannot overflow 64 bits. */
export const COUNTER_DIGITS = 18;
