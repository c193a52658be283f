import { setFlagsFromString } from 'node:v8';
import { runInNewContext, runInThisContext } from 'node:vm';
import {
  ClusterClient,
  InvalidArgumentError,
  keySlot,
  PipelineUsedError,
  type ClusterError,
  type ClusterPipeline,
  type RepliesOptions,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { eventually } from '../../../cluster-fixture.js';
import { snippetsOf } from '../../../docs-snippets.js';
import { Relays } from '../../../fake-node.js';
import { TracingRecorder } from '../../../tracing-recorder.js';

let local: LocalCluster;
let client: ClusterClient;
let keys = 0;
/** A key that no other test uses. */
let key: string;

beforeAll(async () => {
  local = await LocalCluster.start({ primaries: 2, replicasPerPrimary: 1 });
  client = new ClusterClient({ nodes: local.seeds });
  await client.connect();
});

beforeEach(() => void (key = `key${keys++}`));

afterAll(async () => {
  await client?.close();
  await local?.stop();
});

const increments = (count: number, through: Pick<ClusterClient, 'pipeline'> = client): ClusterPipeline => {
  const pipeline = through.pipeline();
  for (let i = 0; i < count; i++) pipeline.incr(key);
  return pipeline;
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

async function all(pipeline: ClusterPipeline, options?: RepliesOptions): Promise<unknown[]> {
  const replies: unknown[] = [];
  for await (const reply of pipeline.replies(options)) replies.push(reply);
  return replies;
}

const codeOf = (reply: unknown): unknown => (reply as ClusterError).code;

const FORMS: [string, (pipeline: ClusterPipeline) => Promise<unknown[]>][] = [
  ['execReplies()', (pipeline) => pipeline.execReplies()],
  ['replies()', (pipeline) => all(pipeline)],
  ['replies() that sends one command at a time', (pipeline) => all(pipeline, { ahead: 1 })],
];

describe.each(FORMS)('%s', (_form, repliesOf) => {
  it('returns replies in call order, over all nodes', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `${key}:${i}`);
    const pipeline = client.pipeline();
    for (const name of names) pipeline.set(name, name).get(name).getBuffer(name);
    expect(await repliesOf(pipeline)).toEqual(names.flatMap((name) => ['OK', name, Buffer.from(name)]));
    expect(new Set(names.map((name) => client.topology.nodeForKey(name)?.name)).size).toBe(2);
  });

  it('has errors in the places of their commands, with the stack of the caller', async () => {
    const pipeline = client.pipeline().set(key, 'planted').lpush(key, 'secret-value').get('nothing').get(key);
    const replies = await repliesOf(pipeline);
    expect(replies).toEqual(['OK', expect.any(Error), null, 'planted']);
    expect(replies[1]).toMatchObject({ name: 'ReplyError', code: 'WRONGTYPE', command: 'LPUSH' });
    expect((replies[1] as Error).stack).toContain('pipeline-replies.test');
    expect(String(replies[1])).not.toContain('secret-value');
  });

  it('returns nothing for an empty pipeline', async () => {
    expect(await repliesOf(client.pipeline())).toEqual([]);
  });

  it('empties the queue, and the pipeline can be used again', async () => {
    const pipeline = increments(3);
    expect(await repliesOf(pipeline)).toEqual([1, 2, 3]);
    expect(pipeline.length).toBe(0);
    expect(await repliesOf(pipeline)).toEqual([]);
    expect(await repliesOf(pipeline.incr(key))).toEqual([4]);
  });

  it('returns integers as bigints where the caller wants that', async () => {
    const view = client.with({ integers: 'bigint' });
    expect(await repliesOf(view.pipeline().incr(key).get(key).get('nothing'))).toEqual([1n, '1', null]);
  });

  it('returns the replies of a transaction', async () => {
    expect(await repliesOf(client.multi().set(key, 1).lpush(key, 'x').incr(key))).toEqual([
      'OK',
      expect.objectContaining({ code: 'WRONGTYPE' }),
      2,
    ]);
    expect(await repliesOf(client.multi())).toEqual([]);
  });

  it('returns an error per command after the client was closed, and connects before', async () => {
    const own = new ClusterClient({ nodes: local.seeds });
    expect(await repliesOf(increments(3, own))).toEqual([1, 2, 3]);
    await own.close();
    expect((await repliesOf(increments(3, own))).map(codeOf)).toEqual(Array(3).fill('CLIENT_CLOSED'));
  });

  it('is rejected while the pipeline is being executed, and loses nothing', async () => {
    for (const begin of [
      (pipeline: ClusterPipeline) => pipeline.exec(),
      (pipeline: ClusterPipeline) => pipeline.execReplies(),
      (pipeline: ClusterPipeline) => all(pipeline),
    ]) {
      const pipeline = client.pipeline().echo('first');
      const first = begin(pipeline);
      pipeline.echo('second');
      await expect(repliesOf(pipeline)).rejects.toBeInstanceOf(PipelineUsedError);
      expect(await first).toHaveLength(1);
      expect(await repliesOf(pipeline)).toEqual(['second']);
    }
  });

  it('is executed once while a slot moves and a replica takes over', async () => {
    const slot = keySlot(key);
    const from = await local.primaryOfSlot(slot);
    const to = await local.primaryOfSlot(from === (await local.primaryOfSlot(0)) ? 16_383 : 0);
    let over = false;
    const change = local
      .migrateSlots([slot], from, to)
      .then(() => eventually(async () => (await client.refreshTopology()).nodeForKey(key, 'replica')!.name))
      .then((replica) => local.failover(replica))
      .finally(() => (over = true));
    const replies: unknown[] = [];
    while (!over) replies.push(...(await repliesOf(increments(100))));
    await change;
    expect(replies).toEqual(upTo(replies.length));
    expect(await client.get(key)).toBe(String(replies.length));
  });

  it('is recorded as one pipeline', async () => {
    const recorder = new TracingRecorder();
    try {
      await repliesOf(client.pipeline().set(key, 1).lpush(key, 2).get(key));
      expect(recorder.only('keyslot:pipeline')).toMatchObject({
        batchSize: 3,
        commands: ['SET', 'LPUSH', 'GET'],
        failed: 1,
        errorCode: 'WRONGTYPE',
        outcome: 'error',
      });
      expect(recorder.events.filter((event) => event === 'keyslot:pipeline:asyncEnd')).toHaveLength(1);
    } finally {
      recorder.stop();
    }
  });
});

describe('execReplies()', () => {
  it('calls the callbacks of commands', async () => {
    const called: unknown[] = [];
    const pipeline = client
      .pipeline()
      .set(key, 1)
      .get(key, (...result) => called.push(result))
      .lpush(key, 1, (error) => called.push(codeOf(error)));
    expect(await pipeline.execReplies()).toHaveLength(3);
    expect(called).toEqual([[null, '1'], 'WRONGTYPE']);
  });
});

describe('replies()', () => {
  let relays: Relays;
  /** Goes through relays, which see what is sent. */
  let watched: ClusterClient;

  beforeAll(async () => {
    relays = await Relays.start(client.topology.nodes);
    watched = new ClusterClient(relays.options);
    await watched.connect();
  });

  afterAll(async () => {
    await watched?.close();
    await relays?.stop();
  });

  /** How many INCR were sent before this. */
  const sent = async (): Promise<number> => {
    await watched.get(key);
    return relays.seen('incr').length;
  };

  it('sends nothing before the first reply is taken, and then only some commands ahead', async () => {
    relays.forget();
    const replies = increments(100, watched).replies<number>({ ahead: 10 });
    expect(await sent()).toBe(0);
    for (const taken of upTo(50)) {
      expect(await replies.next()).toEqual({ done: false, value: taken });
      expect(await sent()).toBeLessThan(taken + 10);
    }
    await replies.return();
  });

  it('leaves out what was not sent if the loop ends early, and the pipeline can be used again', async () => {
    relays.forget();
    const pipeline = increments(1_000, watched);
    for await (const reply of pipeline.replies({ ahead: 10 })) if (reply === 5) break;
    const count = await sent();
    expect(count).toBeGreaterThanOrEqual(5);
    expect(count).toBeLessThan(15);
    // what had been sent was executed
    expect(await watched.get(key)).toBe(String(count));
    expect(await all(pipeline.incr(key))).toEqual([count + 1]);
    expect(await sent()).toBe(count + 1);
  });

  it('ends if the loop throws, and keeps the queue if no reply was taken', async () => {
    const pipeline = increments(3);
    await pipeline.replies().return();
    expect(pipeline.length).toBe(3);
    const loop = async (): Promise<void> => {
      for await (const reply of pipeline.replies()) throw new Error(`mine ${String(reply)}`);
    };
    await expect(loop()).rejects.toThrow('mine 1');
    expect(await pipeline.exec()).toEqual([]);
  });

  it('does not keep the replies that were taken', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    await client.set(key, Buffer.alloc(100_000, 'x'));
    const pipeline = client.pipeline();
    for (let i = 0; i < 20; i++) pipeline.getBuffer(key);
    const taken: WeakRef<Buffer>[] = [];
    for await (const reply of pipeline.replies<Buffer>({ ahead: 2 })) {
      taken.push(new WeakRef(reply as Buffer));
      if (taken.length < 10) continue;
      await eventually(() => {
        collect();
        return taken.slice(0, -3).every((one) => one.deref() === undefined);
      });
    }
    expect(taken).toHaveLength(20);
  });

  it('survives lost connections: reads are sent again, and writes may have an unknown outcome', async () => {
    const pipeline = watched.pipeline();
    for (let i = 0; i < 50; i++) pipeline.get(key).incr(key);
    let lost = false;
    const relay = relays.at(watched.topology.nodeForKey(key)!);
    const replies: unknown[] = [];
    for await (const reply of pipeline.replies({ ahead: 10 })) {
      replies.push(reply);
      if (replies.length === 20)
        relay.losesReplyTo = ([name]) => !lost && (lost = name.toLowerCase() === 'incr');
    }
    relay.losesReplyTo = () => false;
    expect(lost).toBe(true);
    const gets = replies.filter((_, i) => i % 2 === 0);
    const unknown = replies.filter((reply) => reply instanceof Error);
    expect(gets.filter((reply) => reply instanceof Error)).toEqual([]);
    expect(unknown.length).toBeGreaterThan(0);
    expect(new Set(unknown.map(codeOf))).toEqual(new Set(['OUTCOME_UNKNOWN']));
    expect(replies.at(-1)).toBe(Number(await client.get(key)));
  });

  it('has errors for the rest after the client was closed, or its signal aborted', async () => {
    const own = client.duplicate();
    const abort = new AbortController();
    const ends: [() => unknown, Pick<ClusterClient, 'pipeline'>, string][] = [
      [() => abort.abort(), own.with({ signal: abort.signal }), 'ABORTED'],
      [() => own.close(), own, 'CLIENT_CLOSED'],
    ];
    for (const [end, through, code] of ends) {
      const replies: unknown[] = [];
      for await (const reply of increments(1_000, through).replies({ ahead: 10 })) {
        if (replies.push(reply) === 100) await end();
      }
      expect(replies).toHaveLength(1_000);
      const failed = replies.findIndex((reply) => reply instanceof Error);
      expect(failed).toBeGreaterThanOrEqual(100);
      expect(failed).toBeLessThan(112);
      expect(new Set(replies.slice(failed).map(codeOf))).toEqual(new Set([code]));
    }
  });

  it('gives each command its own deadline, however long the caller takes', async () => {
    const replies = increments(6, client.with({ deadlineMs: 1_500 })).replies({ ahead: 1 });
    const taken: unknown[] = [];
    for await (const reply of replies) {
      taken.push(reply);
      if (taken.length === 1) await new Promise((resolve) => setTimeout(resolve, 1_600));
    }
    expect(taken).toEqual(upTo(6));
  });

  it.each<[string, unknown, RegExp]>([
    ['zero', { ahead: 0 }, /ahead must be a whole number of at least 1, got 0/],
    ['a fraction', { ahead: 1.5 }, /got 1.5/],
    ['a text', { ahead: '10' }, /ahead must be/],
    ['a misspelt option', { haed: 10 }, /haed/],
    ['no object', 10, /options/],
  ])('rejects %s at once', (_, options, message) => {
    const pipeline = increments(1);
    for (const one of [pipeline, client.multi().incr(key)]) {
      expect(() => one.replies(options as RepliesOptions)).toThrow(InvalidArgumentError);
      expect(() => one.replies(options as RepliesOptions)).toThrow(message);
      expect(one.length).toBe(1);
    }
  });

  it('rejects commands with callbacks, and keeps them', async () => {
    const pipeline = client.pipeline().incr(key, () => {});
    await expect(all(pipeline)).rejects.toThrow(InvalidArgumentError);
    expect(await pipeline.execReplies()).toEqual([1]);
  });
});

it('the commands of a watched transaction reject every form of exec()', async () => {
  const run = (form: 'exec' | 'execReplies' | 'replies'): Promise<unknown> =>
    client.transaction([key], async (tx) => {
      const queued = tx.multi().incr(key);
      (queued as unknown as ClusterPipeline)[form]();
      return queued;
    });
  for (const form of ['exec', 'execReplies', 'replies'] as const) {
    await expect(run(form)).rejects.toThrow(`instead of calling ${form}()`);
  }
});

it('docs/pipelines.md shows what the code prints', async () => {
  const cluster = client.duplicate([], { keyPrefix: key });
  const printed: unknown[] = [];
  const expected: string[] = [];
  for (const { code } of snippetsOf('docs/pipelines.md').filter(({ language }) => language === 'ts')) {
    expected.push(/console\.log\(\w+\); \/\/ (.*)/.exec(code)![1]);
    const body = code.replace(/<[\w |]+>\(/g, '(');
    const run = runInThisContext(`(async (cluster, console) => {${body}})`) as (
      ...args: unknown[]
    ) => Promise<void>;
    await run(cluster, { log: (value: unknown) => printed.push(value) });
  }
  expect(printed).toEqual(expected.map((text) => runInThisContext(`(${text})`) as unknown));
  expect(printed).toHaveLength(3);
  await cluster.close();
});
