import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster } from 'keyslot/testing';
import type { OtherProcess, Stage } from './stage.js';

const LOOK_MS = 100;

/** A stage whose other processes run the program of this one, as `main`. */
export class LocalStage implements Stage {
  constructor(readonly cluster: LocalCluster) {}

  async openProcess(): Promise<OtherProcess> {
    const port = await freePort();
    // its errors are shown here; it ends when this process does
    const child = fork(process.argv[1], ['main'], {
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true, // Ctrl-C comes to the first process alone
    });
    const ended = once(child, 'exit');
    const url = `http://localhost:${port}`;
    while (!(await answers(url))) {
      if (child.exitCode !== null) throw new Error('The second process ended while it started');
      await delay(LOOK_MS);
    }
    return {
      url,
      close: () => {
        child.kill('SIGTERM');
        return ended;
      },
    };
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
