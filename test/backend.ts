/** What the suites of repositories run on: real servers, or a cluster in the memory of this process. */
export const backend = { isMemory: false };
