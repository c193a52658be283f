import {
  ClusterClient,
  ClusterEntity,
  Counter,
  CreatedAt,
  Embedded,
  type EntityClient,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  type Script,
  Shape,
  Unique,
  UpdatedAt,
  Version,
} from 'keyslot';
import type { EntityCallOptions, ScriptRunner } from '../../../lib/entity/common/entity-client.js';
import { sharedCluster } from '../../cluster-fixture.js';

export class Address {
  @Property() street!: string;
  @Property() since?: Date;

  label(): string {
    return `to ${this.street}`;
  }
}

@ClusterEntity({ name: 'Order' })
export class Order {
  declare readonly [Shape]: { key: 'id'; counters: 'views' };

  @PrimaryKey({ generate: 'uuidv7' }) id!: string;
  @Property({ enum: ['new', 'paid'] }) status: 'new' | 'paid' = 'new';
  @Property(() => BigInt) cents?: bigint;
  @Property() note?: string;
  @Property() paid?: boolean;
  @Property() due?: Date;
  @Property() seal?: Buffer;
  @Property(() => [String]) tags?: string[];
  @Property(Object) extra?: unknown;
  @Embedded(() => Address) shipTo?: Address;
  @Counter() views!: number;
  @Version() version!: number;
}

@ClusterEntity({ name: 'OrderItem', partition: () => Order })
export class OrderItem {
  declare readonly [Shape]: { key: 'orderId' | 'id'; counters: 'reserved' };

  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: number;
  @Property() quantity: number = 1;
  @Counter() reserved!: bigint;
}

@ClusterEntity({ name: 'Ticket', partition: () => Order })
export class Ticket {
  declare readonly [Shape]: {
    key: 'orderId' | 'id';
    indexed: 'seat' | 'row' | 'price' | 'at' | 'holder' | 'big';
  };

  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Unique() @Property() seat?: string;
  @Index() @Property() row?: string;
  @Index() @Index({ name: 'byRowAndPrice', fields: ['row', 'price'] }) @Property() price?: number;
  @Index({ name: 'byDay', fields: ['at', 'row', 'price'] }) @Property() at?: Date;
  @Unique({ name: 'holding', fields: ['holder', 'row'] }) @Property() holder?: string;
  @Index() @Property() big?: bigint;
  @Property() note?: string;
}

@ClusterEntity({ name: 'Timed', partition: () => Order })
export class Timed {
  declare readonly [Shape]: { key: 'orderId' | 'id'; indexed: 'updatedAt' };

  @PartitionKey() orderId!: string;
  @PrimaryKey() id!: string;
  @Property() note?: string;
  @CreatedAt() createdAt!: Date;
  @Index() @UpdatedAt() updatedAt!: Date;
}

/** A client for all tests of a file, connected before they run. Called once, at the top of the file. */
export function sharedClient({ nodes, keyspace } = sharedCluster()): { client: ClusterClient } {
  const shared = {} as { client: ClusterClient };
  beforeAll(async () => {
    shared.client = new ClusterClient({ nodes, keyPrefix: keyspace, deadlineMs: 30_000 });
    await shared.client.connect();
  });
  afterAll(() => shared.client.close());
  return shared;
}

let serial = 0;

/** An id that no other test has. */
export const freshId = (): string => `${process.pid}-${Date.now()}-${++serial}`;

/** A client that notes what is called. */
export function counted(client: EntityClient): EntityClient & { calls: string[] } {
  const calls: string[] = [];
  const note = <T>(name: string, result: T): T => {
    calls.push(name);
    return result;
  };
  return {
    calls,
    hgetallBuffer: (key) => note('hgetall', client.hgetallBuffer(key)),
    exists: (key) => note('exists', client.exists(key)),
    hmget: (...call) => note('hmget', client.hmget(...call)),
    hmgetBuffer: (...call) => note('hmget', client.hmgetBuffer(...call)),
    zlexcount: (...call) => note('zlexcount', client.zlexcount(...call)),
    zrangebylex: (...call) => note('zrangebylex', client.zrangebylex(...call)),
    zrevrangebylex: (...call) => note('zrevrangebylex', client.zrevrangebylex(...call)),
    hscanIterator: (...call) => note('hscan', client.hscanIterator(...call)),
    scanIterator: (...call) => note('scan', client.scanIterator(...call)),
    send: (...call) => note(call[0], client.send(...call)),
    elementPages: (...call) => note(call[0], client.elementPages(...call)),
    pipeline: () => note('pipeline', client.pipeline()),
    target: (nodes) => note('target', client.target(nodes)),
    addScript: (script) => client.addScript(script),
    with(options) {
      const runner = client.with(options);
      return {
        runScript: (...call) => note(`script ${options.retry}`, runner.runScript(...call)),
        pipeline: () => note(`batch ${options.retry}`, runner.pipeline()),
      };
    },
  };
}

/**
 * A client that loses the first reply of every script, waits for `meanwhile`, and sends the script again, as the
 * cluster client does for calls that may be sent again.
 */
export function losingReplies(
  client: EntityClient,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): EntityClient {
  const withRunner = counted(client);
  withRunner.with = (options): ScriptRunner => {
    const runner = client.with(options);
    return {
      pipeline() {
        const [lost, second] = [runner.pipeline(), runner.pipeline()];
        return {
          evalsha(...call) {
            lost.evalsha(...call);
            second.evalsha(...((options.argsOnResend?.(call.map(String)) ?? call) as typeof call));
          },
          anyOrder() {
            return this;
          },
          async exec() {
            await lost.exec();
            return second.exec();
          },
        };
      },
      async runScript(...call) {
        await runner.runScript(...call);
        await meanwhile();
        const [script, keys, args, shape] = call;
        return runner.runScript(script, keys, toldIn(options, script, keys, args), shape);
      },
    };
  };
  return withRunner;
}

/** A client whose scripts never arrive at first, and are sent again. */
export function losingRequests(client: EntityClient): EntityClient {
  const withRunner = counted(client);
  withRunner.with = (options): ScriptRunner => {
    const runner = client.with(options);
    return {
      pipeline: () => runner.pipeline(),
      runScript: (script, keys, args, shape) =>
        runner.runScript(script, keys, toldIn(options, script, keys, args), shape),
    };
  };
  return withRunner;
}

/**
 * A client whose scripts are under way for so long that they are sent again on another connection, and are executed
 * there first; then, after `meanwhile`, as they were sent first.
 */
export function overtaking(client: EntityClient, meanwhile: () => Promise<unknown>): EntityClient {
  const withRunner = counted(client);
  withRunner.with = (options): ScriptRunner => {
    const runner = client.with(options);
    return {
      pipeline: () => runner.pipeline(),
      async runScript(...call) {
        const [script, keys, args, shape] = call;
        const answer = await runner.runScript(script, keys, toldIn(options, script, keys, args), shape);
        await meanwhile();
        await runner.runScript(...call);
        return answer;
      },
    };
  };
  return withRunner;
}

/** The arguments of a script as they are sent again. */
function toldIn(
  { argsOnResend }: EntityCallOptions,
  { sha }: Script,
  keys: readonly string[],
  args: readonly (string | Buffer)[],
): (string | Buffer)[] {
  const call = [sha, String(keys.length), ...keys, ...args];
  return (argsOnResend?.(call) ?? call).slice(2 + keys.length);
}
