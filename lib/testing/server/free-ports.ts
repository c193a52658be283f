import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { LocalClusterError } from '../common/local-cluster-error.js';
import { BUS_PORT_OFFSET } from '../common/local-cluster-options.js';

const LOWEST = 10_000;
const HIGHEST = 65_535 - BUS_PORT_OFFSET;
/** Linux' default; other systems begin higher. */
const USUAL_EPHEMERAL: Range = [32_768, 65_535];

type Range = readonly [first: number, last: number];

/**
 * Ports that could be bound a moment ago together with their bus ports, both outside the range from which the
 * system takes ports for outgoing connections. The search starts at random, so that several do not meet.
 * @throws LocalClusterError `NO_FREE_PORT`
 */
export async function findFreePorts(host: string, count: number): Promise<number[]> {
  const candidates = candidatePorts(ephemeralRange());
  const start = randomInt(candidates.length);
  const found: number[] = [];
  for (let i = 0; i < candidates.length && found.length < count; i++) {
    const port = candidates[(start + i) % candidates.length];
    if ((await canBind(host, port)) && (await canBind(host, port + BUS_PORT_OFFSET))) found.push(port);
  }
  if (found.length === count) return found;
  throw new LocalClusterError('NO_FREE_PORT', `Found ${found.length} free ports where ${count} are needed`);
}

/** Ports to try: those outside the ephemeral range, or all of them where that range leaves none. */
export function candidatePorts([first, last]: Range): number[] {
  const all = Array.from({ length: HIGHEST - LOWEST + 1 }, (_, i) => LOWEST + i);
  const outside = (port: number): boolean => port < first || port > last;
  const preferred = all.filter((port) => outside(port) && outside(port + BUS_PORT_OFFSET));
  return preferred.length > 0 ? preferred : all;
}

function ephemeralRange(): Range {
  try {
    const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/);
    return [Number(first), Number(last)];
  } catch {
    return USUAL_EPHEMERAL;
  }
}

/** Returns whether a port could be bound a moment ago. */
export function canBind(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
