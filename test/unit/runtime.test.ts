import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  delay,
  monotonicMs,
  setTimeout as setRuntimeTimeout,
  unixMs,
} from '../../lib/cluster/common/timers.js';
import { random, randomUUID } from '../../lib/cluster/runtime/randomness.js';
import { NODE_RUNTIME, useRuntime } from '../../lib/cluster/runtime/runtime.js';
import { operationToken } from '../../lib/entity/scripts/operation-token.js';
import { root } from '../docs-snippets.js';
import { runtimeFaults } from '../runtime-rules.js';

const FILE = 'pubsub/links/planted.ts';

const faultsOf = (text: string): string[] => runtimeFaults(new Map([[FILE, text]]));

describe('the runtime of clients', () => {
  it('is the only source of time, chance and sockets of the engine, pub/sub, the client and entities', () => {
    const lib = new Map(
      readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => [file, readFileSync(join(root, 'lib', file), 'utf8')]),
    );
    expect(lib.size).toBeGreaterThan(400);
    expect(runtimeFaults(lib)).toEqual([]);
  });

  it.each([
    ['const at = Date.now();', 'Date.now'],
    ['const clock = Date.now;', 'Date.now'],
    ['const at = new Date();', 'new Date()'],
    ['const at = performance.now();', 'performance.now'],
    ['const { now } = performance;', '= performance'],
    ['const { timeOrigin } = performance;', '= performance'],
    ['const jitter = Math.random() * 2;', 'Math.random'],
    ['process.nextTick(run);', 'process.nextTick'],
    ['const at = process.hrtime.bigint();', 'process.hrtime'],
    ['const signal = AbortSignal.timeout(5);', 'AbortSignal.timeout'],
    ['const id = crypto.randomUUID();', 'crypto.randomUUID'],
    ['setTimeout(run, 5);', 'setTimeout'],
    ['await new Promise((resolve) => setImmediate(resolve));', 'setImmediate'],
    ['queueMicrotask(run);', 'queueMicrotask'],
    ["import { setTimeout } from 'node:timers';", 'setTimeout of node:timers'],
    [
      "import { setTimeout as sleep } from 'node:timers/promises';",
      'setTimeout as sleep of node:timers/promises',
    ],
    ["import net from 'node:net';", 'net of node:net'],
    ["import { connect, isIP } from 'node:net';", 'connect of node:net'],
    ["import { connect } from 'tls';", 'connect of node:tls'],
    ["import { createHash, randomBytes } from 'node:crypto';", 'randomBytes of node:crypto'],
    ["import { performance } from 'node:perf_hooks';", 'performance of node:perf_hooks'],
    ["import { Observable, debounceTime } from 'rxjs';", 'debounceTime of rxjs'],
    ["import { clearTimeout } from '../../cluster/common/timers.js';\nsetTimeout(run, 5);", 'setTimeout'],
  ])('must not be bypassed by %s', (text, what) => {
    expect(faultsOf(text)).toEqual([`${FILE} uses ${what}`]);
  });

  it.each([
    ["import type { Socket } from 'node:net';"],
    ["import { isIP, type Socket } from 'node:net';"],
    ["import { createHash } from 'node:crypto';"],
    ["import { setTimeout } from '../../cluster/common/timers.js';\nsetTimeout(run, 5);"],
    ['// Date.now() is not used\n/** milliseconds of `performance.now()` */\nsocket.setTimeout(5);'],
    ['const date = new Date(ms);'],
  ])('is not bypassed by %s', (text) => {
    expect(faultsOf(text)).toEqual([]);
  });

  it('is not required of other folders', () => {
    expect(runtimeFaults(new Map([['cli/planted.ts', 'Date.now();']]))).toEqual([]);
  });
});

describe('useRuntime', () => {
  afterEach(() => useRuntime(NODE_RUNTIME));

  it('replaces clocks, timers and random numbers for all who have imported them', async () => {
    const called: number[] = [];
    useRuntime({
      ...NODE_RUNTIME,
      monotonicMs: () => 7,
      unixMs: () => 11,
      random: () => 0.25,
      randomUUID: () => 'an id',
      randomBytes: (size) => Buffer.alloc(size, 1),
      delay: ((ms: number) => Promise.resolve(called.push(ms))) as unknown as typeof NODE_RUNTIME.delay,
      setTimeout: ((_run: unknown, ms: number) => called.push(ms)) as unknown as typeof setTimeout,
    });
    expect([monotonicMs(), unixMs(), random(), randomUUID()]).toEqual([7, 11, 0.25, 'an id']);
    setRuntimeTimeout(() => {}, 3);
    await delay(5);
    expect(called).toEqual([3, 5]);
  });

  it('draws the tokens of writes from the new runtime at once, and from Node.js again afterwards', () => {
    const own = operationToken();
    useRuntime({ ...NODE_RUNTIME, randomBytes: (size) => Buffer.alloc(size) });
    expect(operationToken()).toBe('A'.repeat(12));
    useRuntime(NODE_RUNTIME);
    expect(operationToken()).not.toBe('A'.repeat(12));
    expect(own).toHaveLength(12);
  });
});
