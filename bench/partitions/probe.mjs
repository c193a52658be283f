// Reads one key again and again, in a thread of its own, and notes how long each call took.
import { parentPort, workerData } from 'node:worker_threads';
import { ClusterClient } from '../../dist/index.js';

const client = new ClusterClient({ nodes: workerData.nodes });
await client.connect();
let times = [];
let isRunning = false;
let running = Promise.resolve();

async function read() {
  while (isRunning) {
    const begin = performance.now();
    await client.get(workerData.key);
    times.push(performance.now() - begin);
  }
}

parentPort.on('message', async (what) => {
  isRunning = what === 'begin';
  if (isRunning) {
    times = [];
    running = read();
    parentPort.postMessage('begun');
  } else {
    await running;
    parentPort.postMessage(times);
  }
});
parentPort.postMessage('ready');
