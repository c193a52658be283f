import { testScenarios } from './matrix-fixture.js';

testScenarios([
  'reshard',
  'planned-failover',
  'members',
  'freeze',
  'restart-all',
  'all-down',
  'address-reused',
  'rotation',
  'rights',
]);
