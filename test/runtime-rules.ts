import type { Sources } from './import-rules.js';

/** The folders whose clocks, timers, random numbers and sockets come from one runtime. */
const FOLDERS = /^(cluster|pubsub|client|entity)\//;

/** The files that take them from Node.js. */
const SOURCES: ReadonlySet<string> = new Set([
  'cluster/common/timers.ts',
  'cluster/runtime/randomness.ts',
  'cluster/runtime/sockets.ts',
]);

/** What each module of Node.js may be imported for; types may always be. */
const ALLOWED_IMPORTS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['timers', new Set()],
  ['timers/promises', new Set()],
  ['net', new Set(['isIP'])],
  ['tls', new Set()],
  ['dns', new Set()],
  ['perf_hooks', new Set()],
  ['process', new Set()],
  ['crypto', new Set(['createHash'])],
]);

/** Members of globals that read a clock, make a random number, or defer work. */
const MEMBERS =
  /= performance\b(?!\.)|\b(?:Date\.now|new Date\(\)|performance\.\w+|Math\.random|process\.(?:nextTick|hrtime)|AbortSignal\.timeout|crypto\.(?:randomUUID|getRandomValues))/g;

/** Globals that must be imported from `timers.ts` instead. */
const GLOBALS =
  /(?<![.\w'#])(?:set|clear)(?:Timeout|Interval|Immediate)\b(?=\()|(?<![.\w'#])(?:queueMicrotask|nextTick)\b(?=\()/g;

/** Operators of RxJS that use its own clock. */
const RXJS =
  /import [^;]*\b(auditTime|bufferTime|debounceTime|delay|delayWhen|interval|sampleTime|throttleTime|timeInterval|timeout|timer|timestamp|windowTime|asyncScheduler|asapScheduler)\b[^;]* from 'rxjs(?:\/operators)?'/g;

/** Returns what breaks the rule that a client takes time, chance and sockets from its runtime, one line each. */
export function runtimeFaults(sources: Sources): string[] {
  return [...sources]
    .filter(([file]) => FOLDERS.test(file) && !SOURCES.has(file))
    .flatMap(([file, text]) => {
      const code = withoutComments(text);
      const found = [...importFaults(code), ...memberFaults(code), ...globalFaults(code)];
      return found.map((what) => `${file} uses ${what}`);
    });
}

function importFaults(code: string): string[] {
  const imports = code.matchAll(/import (type )?([^;]*?) from '(?:node:)?([\w/]+)'/g);
  const faults = [...imports].flatMap(([, type, names, module]) => {
    const allowed = ALLOWED_IMPORTS.get(module);
    if (type !== undefined || allowed === undefined) return [];
    return names
      .replace(/[{}]/g, '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && !name.startsWith('type ') && !allowed.has(name))
      .map((name) => `${name} of node:${module}`);
  });
  return [...faults, ...[...code.matchAll(RXJS)].map(([, name]) => `${name} of rxjs`)];
}

const memberFaults = (code: string): string[] => [...code.matchAll(MEMBERS)].map(([what]) => what);

function globalFaults(code: string): string[] {
  const imported =
    /import \{([^}]*)\} from '[./]*(?:cluster\/)?(?:common\/)?timers\.js'/.exec(code)?.[1] ?? '';
  const names = new Set(imported.split(',').map((name) => name.trim()));
  return [...code.matchAll(GLOBALS)].map(([what]) => what).filter((what) => !names.has(what));
}

const withoutComments = (text: string): string =>
  text.replace(/\/\*[^]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
