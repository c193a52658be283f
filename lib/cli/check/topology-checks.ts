import { groupBy } from '../../cluster/common/group-by.js';
import { SLOT_COUNT } from '../../cluster/topology/key-slot.js';
import { counted } from '../common/counted.js';
import type { ClusterFacts } from './collect-facts.js';
import type { Check, Finding } from './finding.js';
import type { NodeFacts } from './node-facts.js';
import { slotText } from './slot-text.js';
import { isDown, nameOf, ownersIn, prevailingView, primariesIn, viewGroups } from './views.js';

const MOST_DETAILS = 5;

/** The checks of slots, nodes and views. */
export const TOPOLOGY_CHECKS: readonly Check[] = [
  { id: 'coverage', run: checkCoverage },
  { id: 'nodes', run: checkNodes },
  { id: 'views', run: checkViews },
  { id: 'epochs', run: checkEpochs },
  { id: 'migrations', run: checkMigrations },
  { id: 'majority', run: checkMajority },
];

function checkCoverage(facts: ClusterFacts): Finding {
  const owners = ownersIn(prevailingView(facts));
  const slots = owners.map((_, slot) => slot);
  const unowned = slots.filter((slot) => owners[slot] === undefined);
  const dead = slots.filter((slot) => owners[slot] !== undefined && isDown(owners[slot]));
  if (unowned.length + dead.length === 0)
    return { status: 'ok', summary: `all ${SLOT_COUNT} slots have a primary` };
  return {
    status: 'problem',
    summary: `only ${SLOT_COUNT - unowned.length - dead.length} of ${SLOT_COUNT} slots can be used`,
    details: [
      ...(unowned.length > 0 ? [`without an owner: ${slotText(unowned)}`] : []),
      ...(dead.length > 0 ? [`whose primary is down: ${slotText(dead)}`] : []),
    ],
    advice:
      dead.length > 0
        ? 'Start the nodes that are down, or make a replica take over (CLUSTER FAILOVER TAKEOVER)'
        : 'Assign the slots: redis-cli --cluster fix; a new cluster: redis-cli --cluster create',
  };
}

function checkNodes(facts: ClusterFacts): Finding {
  const { nodes, silentSeeds } = facts;
  const failing = nodes.filter(({ cluster }) => cluster?.state === 'fail');
  const down = prevailingView(facts).seen.filter(isDown);
  const details = [
    ...down.map((node) => `${nameOf(facts, node)} is down, say the other nodes`),
    ...failing.map(({ name }) => `${name} accepts no commands (cluster_state:fail)`),
    ...[...silentSeeds].map(([name, reason]) => `${name} does not answer: ${reason}`),
  ];
  const { seen } = prevailingView(facts);
  if (details.length === 0)
    return { status: 'ok', summary: `${counted(seen.length, 'node')}, and none is down` };
  return {
    status: down.length + failing.length > 0 ? 'problem' : 'warning',
    summary: `${counted(down.length, 'node')} of ${seen.length} down, ${failing.length} in state fail`,
    details,
    advice: 'Start the nodes, or remove them for good (redis-cli --cluster del-node)',
  };
}

function checkViews(facts: ClusterFacts): Finding {
  const groups = viewGroups(facts);
  const strangers = strangersIn(facts);
  if (groups.length === 1 && strangers.length === 0)
    return { status: 'ok', summary: `${counted(facts.nodes.length, 'node')} agree on all slots` };
  const isSplit = strangers.length > 0;
  return {
    status: 'problem',
    summary: isSplit ? 'nodes do not know each other' : 'nodes disagree about the owners of slots',
    details: [...strangers, ...differences(facts, groups)].slice(0, MOST_DETAILS),
    advice: isSplit
      ? 'If they are to be one cluster, introduce them (CLUSTER MEET); if not, name the nodes of one cluster only'
      : 'Wait if slots are moving or a failover is under way; then redis-cli --cluster fix',
  };
}

function strangersIn({ nodes }: ClusterFacts): string[] {
  return nodes.flatMap((node) => {
    const known = new Set(node.seen.map(({ id }) => id));
    const unknown = nodes.filter(({ id }) => !known.has(id)).map(({ name }) => name);
    return unknown.length === 0 ? [] : [`${node.name} does not know ${unknown.join(', ')}`];
  });
}

function differences(facts: ClusterFacts, [most, ...others]: readonly NodeFacts[][]): string[] {
  const usual = ownersIn(most[0]);
  return others.flatMap((group) => {
    const theirs = ownersIn(group[0]);
    const differing = usual.map((_, slot) => slot).filter((slot) => usual[slot]?.id !== theirs[slot]?.id);
    const owner = (slots: typeof usual, slot: number): string =>
      slots[slot] === undefined ? 'nobody' : nameOf(facts, slots[slot]);
    const byOwners = groupBy(differing, (slot) => `${owner(usual, slot)} ${owner(theirs, slot)}`);
    const names = group.map(({ name }) => name).join(', ');
    return [...byOwners.values()].map(
      (slots) =>
        `slots ${slotText(slots)}: of ${owner(theirs, slots[0])} according to ${names}, ` +
        `of ${owner(usual, slots[0])} according to ${counted(most.length, 'node')}`,
    );
  });
}

function checkEpochs(facts: ClusterFacts): Finding {
  const primaries = primariesIn(prevailingView(facts)).map(
    (node) => facts.nodes.find(({ id }) => id === node.id)?.self ?? node,
  );
  const shared = [...groupBy(primaries, ({ configEpoch }) => configEpoch)].filter(
    ([, list]) => list.length > 1,
  );
  if (shared.length === 0)
    return { status: 'ok', summary: 'every primary has a configuration epoch of its own' };
  return {
    status: 'problem',
    summary: 'primaries share a configuration epoch, so the nodes cannot tell which claim to a slot is newer',
    details: shared.map(
      ([epoch, list]) => `epoch ${epoch}: ${list.map((node) => nameOf(facts, node)).join(', ')}`,
    ),
    advice: 'The nodes resolve this themselves within seconds; if not, run CLUSTER BUMPEPOCH on one of them',
  };
}

function checkMigrations(facts: ClusterFacts): Finding {
  const details = facts.nodes.flatMap(({ name, self: { migrating, importing } }) => [
    ...(migrating.size > 0 ? [`${name} hands over ${slotText([...migrating.keys()])}`] : []),
    ...(importing.size > 0 ? [`${name} receives ${slotText([...importing.keys()])}`] : []),
  ]);
  if (details.length === 0) return { status: 'ok', summary: 'no slot is moving' };
  return {
    status: 'warning',
    summary: 'slots are moving, or a migration was abandoned',
    details,
    advice: 'If nobody moves slots now: redis-cli --cluster fix',
  };
}

function checkMajority(facts: ClusterFacts): Finding {
  const { length } = primariesIn(prevailingView(facts));
  if (length >= 3)
    return { status: 'ok', summary: `${length} primaries can vote for a replica to take over` };
  return {
    status: 'warning',
    summary: `with ${counted(length, 'primary', 'primaries')}, no replica takes over when one dies`,
    advice: 'A failover needs the votes of most primaries: have 3 or more, with slots each',
  };
}
