import Sequencer from '@jest/test-sequencer';

/**
 * Short files whose tests take long. Without times of an earlier run, jest takes the size of a file for its time: these
 * would begin last, and one worker would wait for the other.
 */
const LONG = /\/test\/(memory\/(changes|repositories)|faults\/matrix-[a-z-]+)\.test\.ts$/;

export default class extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const isLong = ({ path }) => LONG.test(path);
    return [...sorted.filter(isLong), ...sorted.filter((test) => !isLong(test))];
  }
}
