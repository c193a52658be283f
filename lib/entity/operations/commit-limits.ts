/** The maximum number of rows that a transaction reads and writes. While it commits, the server runs nothing else. */
export const MAX_TRANSACTION_ROWS = 100;

/** The maximum number of bytes that a transaction writes. */
export const MAX_TRANSACTION_BYTES = 1024 * 1024;
