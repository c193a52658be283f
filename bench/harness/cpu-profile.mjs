import { Session } from 'node:inspector/promises';

const INTERVAL_US = 200;

/** Runs something under the CPU profiler. @returns what it gave, and the profile as Chrome's developer tools read it */
export async function cpuProfile(run) {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await session.post('Profiler.start');
  const turn = await run();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return { turn, profile };
}

/**
 * The functions in which most time was spent, callees not counted, idle time left out.
 * @returns {{ place: string, micros: number, share: number }[]} the longest first
 */
export function selfTimes({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const times = new Map();
  let total = 0;
  samples.forEach((id, i) => {
    const frame = byId.get(id);
    if (frame.functionName === '(idle)') return;
    const place = placeOf(frame);
    times.set(place, (times.get(place) ?? 0) + timeDeltas[i]);
    total += timeDeltas[i];
  });
  return [...times]
    .map(([place, micros]) => ({ place, micros, share: micros / total }))
    .toSorted((a, b) => b.micros - a.micros);
}

function placeOf({ functionName, url, lineNumber }) {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const file = url
    .replace(/^file:\/\//, '')
    .split('/')
    .slice(-2)
    .join('/');
  return `${name} ${file}:${lineNumber + 1}`;
}
