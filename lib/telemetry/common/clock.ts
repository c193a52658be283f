/** The time now in ms since 1970, with fractions; as in the contexts of the tracing channels. */
export const epochMs = (): number => performance.timeOrigin + performance.now();
