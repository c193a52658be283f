/**
 * A turn of the event loop that takes longer than this, in ms, contains work of the application. It does not count against
 * the deadlines of calls that are made in it.
 */
export const LONG_TURN_MS = 20;
