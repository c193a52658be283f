const SILENT_MS = 1_000;
const LIVE_MS = 1_000;
const LOGGED_MS = 10_000;

/**
 * Does some work and shows that it goes on once it takes longer than a second.
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withProgress(title, work) {
  const live = process.stdout.isTTY === true;
  const since = performance.now();
  const seconds = () => Math.round((performance.now() - since) / 1000);
  let shown = false;
  const show = () => {
    process.stdout.write(live ? `\r${title} … ${seconds()} s` : `${title} … ${seconds()} s\n`);
    timer = setTimeout(show, live || !shown ? LIVE_MS : LOGGED_MS);
    shown = true;
  };
  let timer = setTimeout(show, SILENT_MS);
  const end = (word) => {
    clearTimeout(timer);
    if (shown) process.stdout.write(`${live ? '\r' : ''}${title}: ${word} after ${seconds()} s\n`);
  };
  try {
    const result = await work();
    end('done');
    return result;
  } catch (error) {
    end(error.name === 'AbortError' ? 'stopped' : 'failed');
    throw error;
  }
}
