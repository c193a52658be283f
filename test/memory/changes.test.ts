import { suitesInMemory } from './suite-list.js';
import { runInMemory } from './suites.js';

for (const [file, without] of suitesInMemory(true)) await runInMemory(file, without);
