/** The maximum number of digits of a counter and of a step. The sum of two such numbers cannot overflow 64 bits. */
export const COUNTER_DIGITS = 18;
