/** Ctrl-C reaches us twice, from the terminal and from npm; signals this close together are one. */
const SAME_MS = 500;
const PARENT_CHECK_MS = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Aborts at the first signal to end, and when npm, which started us, is gone. At another signal, a moment later,
 * the process ends at once.
 * @returns {AbortSignal}
 */
export function shutdownSignal() {
  const controller = new AbortController();
  let firstAt;
  const onSignal = () => {
    firstAt ??= performance.now();
    if (performance.now() - firstAt > SAME_MS) process.exit(130);
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  if (process.env.npm_lifecycle_event !== undefined) whenParentIsGone(() => controller.abort());
  return controller.signal;
}

/** npm hands a signal to its shell only, which ends without a word to us. */
function whenParentIsGone(act) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    act();
  }, PARENT_CHECK_MS);
  timer.unref();
}
