// A process that follows changes and may be killed, see followers.test.ts. Prints what it handles.
// oxlint-disable-next-line import/no-unassigned-import -- the decorators want it
import 'reflect-metadata';
import {
  ClusterClient,
  ClusterEntity,
  Counter,
  createRepositories,
  PartitionKey,
  PrimaryKey,
  Property,
} from 'keyslot';

/** Plain JavaScript has no decorators, so they are called. */
function entity(type, options, properties) {
  for (const [name, ...decorators] of properties)
    for (const decorate of decorators) decorate(type.prototype, name);
  ClusterEntity(options)(type);
  return type;
}
// oxlint-disable-next-line typescript/no-extraneous-class -- decorated below
class Account {}
// oxlint-disable-next-line typescript/no-extraneous-class -- decorated below
class Ledger {}
entity(Account, { name: 'Account', idempotency: 'window', changes: { maxLength: 1_000_000 } }, [
  ['id', PrimaryKey({ type: String })],
  ['edits', Property(() => Number)],
  ['hold', Property(() => String)],
]);
entity(Ledger, { name: 'Ledger', partition: () => Account }, [
  ['accountId', PartitionKey({ type: String })],
  ['id', PrimaryKey({ type: String })],
  ['last', Property(() => Number)],
  ['effects', Counter({ type: Number })],
]);

// what an application's own onError throws must not stop its follower
process.on('uncaughtException', ({ message }) => console.log(`uncaught ${message}`));
const onError = ({ message }) => {
  throw new Error(`onError of ${message}`);
};

const { NODES, GROUP, HOLDS } = process.env;
const client = new ClusterClient({ nodes: NODES.split(','), deadlineMs: 30_000 });
const accounts = createRepositories(client, [Account, Ledger]).repository(Account);

const hold = async (id, when) => {
  console.log(`holds ${id} ${when}`);
  await new Promise(() => {});
};
const follower = accounts.follow(
  GROUP,
  async (change, context) => {
    const key = { accountId: change.key, id: 'sum' };
    const { hold: held } = (await accounts.findOne(change.key)) ?? {};
    if (held === 'fails' && context.attempt === 1) throw new Error('the first attempt');
    if (HOLDS === 'true' && held === 'before') await hold(change.key, 'before');
    await context.transaction(async (tx) => tx.increment(Ledger, key, 'effects', 1));
    if (HOLDS === 'true' && held === 'after') await hold(change.key, 'after');
    console.log(`handled ${change.key}`);
  },
  { leaseMs: 2_000, pollMs: 2_000, retry: { attempts: Infinity, delayMs: 20 }, onError },
);
await follower.ready();
console.log('ready');
