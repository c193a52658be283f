/**
 * What Keyslot has to hold, as a multiple of plain ioredis; and for callers at their most, in µs of its process's CPU a key.
 * @type {Record<string, { ratio: number, cpu?: number }>}
 */
const targets = {
  'get c1': { ratio: 1 },
  'get c50': { ratio: 4 },
  'get c500': { ratio: 8, cpu: 2 },
  'set c1': { ratio: 1 },
  'set c50': { ratio: 3.5 },
  'set c500': { ratio: 4.5, cpu: 2 },
  pipe: { ratio: 8 },
  mget: { ratio: 4 },
};

/** The least share of what raw sockets reach. */
const OF_CEILING = 0.85;

/** Not peers: ourselves, and what no client can be. */
const NO_PEERS = ['keyslot', 'raw-sockets'];

/**
 * In which respects Keyslot falls short.
 * @param {import('./results.mjs').Result[]} results
 * @returns {string[]} a sentence for each
 */
export function shortfalls(results) {
  const measured = results.filter(({ failure }) => failure === undefined);
  return measured
    .filter(({ client }) => client === 'keyslot')
    .flatMap((ours) => shortfallsOf(ours, measured));
}

function shortfallsOf(ours, results) {
  const others = results.filter(({ scenario }) => scenario === ours.scenario);
  const { ratio, cpu } = targets[ours.scenario] ?? {};
  const found = [];
  if (ratio !== undefined && ours.ratio?.median < ratio)
    found.push(`${ours.ratio.median.toFixed(2)}x of ioredis, not ${ratio}x`);
  if (cpu !== undefined && ours.cpu > cpu) found.push(`${ours.cpu.toFixed(2)} µs a key, not ${cpu}`);
  const ceiling = others.find(({ client }) => client === 'raw-sockets');
  if (ours.more && ceiling !== undefined && standing(ours) < OF_CEILING * standing(ceiling)) {
    const share = standing(ours) / standing(ceiling);
    found.push(`${share.toFixed(2)} of the raw sockets, not ${OF_CEILING}`);
  }
  for (const other of others) {
    if (NO_PEERS.includes(other.client)) continue;
    if (ours.more ? standing(ours) < standing(other) : standing(ours) > standing(other))
      found.push(`behind ${other.client}`);
  }
  return found.map((text) => `${ours.scenario}: ${text}`);
}

/** Compared round by round where that can be done: see `ratios`. */
function standing({ median, ratio }) {
  return ratio?.median ?? median;
}
