import { testScenarios } from './matrix-fixture.js';

testScenarios(['tls'], { tls: true });
