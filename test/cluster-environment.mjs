import { TestEnvironment } from 'jest-environment-node';

/**
 * Adds to the error of a failed test what the nodes of the clusters in `breakable-cluster.ts` say and have logged, as
 * they are at that moment: hooks that restore a cluster run afterwards.
 */
export default class extends TestEnvironment {
  async handleTestEvent({ name, error, test }) {
    if (name !== 'test_fn_failure' && name !== 'hook_failure') return;
    const states = await this.global.clusterStates?.();
    if (!states) return;
    if (typeof error === 'string' && test?.errors.at(-1)?.[0] === error) {
      // a test that hangs fails with a text
      test.errors.at(-1)[0] = `${error}\n${states}`;
    }
    if (typeof error !== 'object' || error === null) return;
    const { message, stack = '' } = error;
    error.message = `${message}\n${states}`;
    error.stack = stack.replace(message, () => error.message);
  }
}
