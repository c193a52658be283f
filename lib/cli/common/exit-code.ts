/** What a command ends with. */
export const EXIT = {
  ok: 0,
  /** The command did its work, and the answer is no: the cluster has problems, there is no such row. */
  no: 1,
  /** The command could not do its work: bad usage, no cluster, no access. */
  failed: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
