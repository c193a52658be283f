import { createServer } from 'node:net';

/**
 * The wanted port, or the first after it that is free.
 * @param {number} wanted
 * @returns {Promise<number>}
 */
export async function freePort(wanted) {
  for (let port = wanted; port <= 65_535; port++) if (await isFree(port)) return port;
  throw new Error(`No port from ${wanted} on is free`);
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
