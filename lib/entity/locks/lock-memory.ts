/** How long the token of a lock that nobody holds is remembered, in milliseconds. */
export const TOKEN_MEMORY_MS = 86_400_000;
