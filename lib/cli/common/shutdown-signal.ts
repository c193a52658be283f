import { readFileSync } from 'node:fs';
import { monotonicMs, setInterval } from '../../cluster/common/timers.js';

/** Ctrl-C comes twice from npx: from the terminal and from npm. Signals this close together are one. */
const SAME_MS = 500;
const PARENT_CHECK_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const INTERRUPTED = 130;

/**
 * Aborts at the first signal to end, and when npm or npx, which started this process, is gone: they pass a signal to
 * their shell only. At another signal, a moment later, the process ends at once.
 */
export function shutdownSignal(environment: NodeJS.ProcessEnv): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (): void => {
    firstAt ??= monotonicMs();
    if (monotonicMs() - firstAt > SAME_MS) process.exit(INTERRUPTED);
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  if (environment.npm_lifecycle_event !== undefined) whenParentIsGone(() => controller.abort());
  return controller.signal;
}

/** npx runs a shell, which may run this process: npx is the parent, or the parent of the parent. */
function whenParentIsGone(act: () => void): void {
  const parent = process.ppid;
  const grandparent = parentOf(parent);
  const timer = setInterval(() => {
    if (process.ppid !== parent || parentOf(parent) !== grandparent) act();
  }, PARENT_CHECK_MS);
  timer.unref();
}

/** Returns the parent of a process, where the system has it in a file. */
function parentOf(pid: number): string | undefined {
  try {
    return /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
