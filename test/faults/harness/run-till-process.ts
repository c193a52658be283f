// A process that works on a till until its input ends, or until it is killed. It prints an event a line.
import { writeSync } from 'node:fs';
import { ClusterClient } from 'keyslot';
import { TILL_ROLES, type TillEvent, type TillRole } from './tills/till-roles.js';

const [role, tillId, name, nodes] = process.argv.slice(2);
const client = new ClusterClient({ nodes: nodes.split(','), deadlineMs: 60_000 });
const ending = new AbortController();
process.stdin.on('end', () => ending.abort()).resume();
// at once: what was printed before a kill has been printed
const emit = (event: TillEvent): void => void writeSync(1, `${JSON.stringify(event)}\n`);
await client.connect();
await TILL_ROLES[role as TillRole]({ client, tillId, name, emit, ending: ending.signal });
await client.close();
