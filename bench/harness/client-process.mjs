import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const WORKER = new URL('worker.mjs', import.meta.url);

/** A client in a process of its own. */
export class ClientProcess {
  /** @param {string} name as the worker knows it: of the table in clients.mjs, unless the worker is another */
  static async start(name, nodes, worker = WORKER) {
    const client = new ClientProcess(name, nodes, worker);
    await client.answer();
    return client;
  }

  constructor(name, nodes, worker) {
    this.name = name;
    this.child = fork(fileURLToPath(worker), [name, JSON.stringify(nodes)]);
  }

  /** Whether the client can do a scenario. */
  check(scenario) {
    return this.ask({ kind: 'check', scenario });
  }

  /** One sample of a scenario. */
  measure(scenario, ms) {
    return this.ask({ kind: 'measure', scenario, ms });
  }

  /** One sample under the profiler, with the profile. */
  profile(scenario, ms) {
    return this.ask({ kind: 'profile', scenario, ms });
  }

  async close() {
    if (!this.child.connected) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.send({ kind: 'close' });
    await gone;
  }

  ask(request) {
    this.child.send(request);
    return this.answer();
  }

  answer() {
    return new Promise((resolve, reject) => {
      const settle = (act, value) => {
        this.child.off('message', onMessage);
        this.child.off('exit', onExit);
        act(value);
      };
      const onMessage = ({ result, error }) =>
        error === undefined ? settle(resolve, result) : settle(reject, new Error(`${this.name}: ${error}`));
      const onExit = (code) => settle(reject, new Error(`${this.name} ended with ${code}`));
      this.child.on('message', onMessage);
      this.child.on('exit', onExit);
    });
  }
}
