import { TestEnvironment } from 'jest-environment-node';

/**
 * Adds to the error of a failed test what the nodes of the clusters in `breakable-cluster.ts` say and have logged, as
 * they are at that moment: hooks that restore a cluster run afterwards.
 */
export default class extends TestEnvironment {
  async handleTestEvent({ name, error }) {
    if (name !== 'test_fn_failure' && name !== 'hook_failure') return;
    const states = await this.global.clusterStates?.();
    if (!states || typeof error !== 'object' || error === null) return;
    const { message, stack = '' } = error;
    error.message = `${message}\n${states}`;
    error.stack = stack.replace(message, () => error.message);
  }
}
