import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';
import { IN_MEMORY, ON_SERVERS_ONLY, suitesInMemory } from './suite-list.js';
import { runInMemory } from './suites.js';

it('runs every suite of repositories in memory, unless it is named with a reason', () => {
  const suites = readdirSync(join(root, 'test/cluster/entity'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => `cluster/entity/${file}`);
  expect([...Object.keys(IN_MEMORY), ...Object.keys(ON_SERVERS_ONLY)].toSorted()).toEqual(suites.toSorted());
});

for (const [file, without] of suitesInMemory(false)) await runInMemory(file, without);
