import { serverProgram } from './harness/server-programs.js';
import { testScenarios } from './matrix-fixture.js';

testScenarios(['memory-full', 'connections-full', 'disk-full', 'busy-script'], {
  binary: serverProgram('with-full-disk'),
});
