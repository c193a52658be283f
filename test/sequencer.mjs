import Sequencer from '@jest/test-sequencer';

/**
 * Files whose tests take long, the longest first. Without times of an earlier run, jest takes the size of a file for its
 * time: these would begin last, and one worker would wait for the others.
 */
const LONG = [
  'memory/repositories',
  'memory/changes',
  'faults/matrix-full-coverage',
  'cluster/entity/followers/group-leases',
  'cluster/entity/followers/followers',
  'e2e/sample-app-demo',
  'e2e/package-formats',
  'cluster/client/scan',
  'cluster/entity/repository/option-names',
  'cluster/entity/query/walk',
  'faults/matrix-partial',
  'faults/followers',
  'faults/entity-failover',
  'e2e/package',
  'e2e/sign-up-recipe',
];

const rank = ({ path }) => {
  const found = LONG.findIndex((name) => path.endsWith(`/test/${name}.test.ts`));
  return found === -1 ? LONG.length : found;
};

export default class extends Sequencer {
  sort(tests) {
    return super.sort(tests).toSorted((a, b) => rank(a) - rank(b));
  }
}
