import { testScenarios } from './matrix-fixture.js';

testScenarios(
  ['kill', 'freeze-partial', 'partition', 'lost-replies', 'one-way', 'remap', 'strangers', 'liar', 'crowd'],
  {
    requireFullCoverage: false,
  },
);
