import { ClusterClient, type CallOptions, type ClusterError } from 'keyslot';

/** Longer than the deadline of any call here, and longer than a test may take. */
const NEVER = 60_000;

const NOWHERE = { host: '127.0.0.1', port: 1 };

/** Ways to call a client; each has one deadline, whether the client is connected or not. */
const CALLS: Readonly<
  Record<string, (client: ClusterClient, view: ReturnType<ClusterClient['with']>) => unknown>
> = {
  get: (_, view) => view.get('k'),
  'del of two slots': (_, view) => view.del('a', 'b'),
  'exists of two slots': (_, view) => view.exists('a', 'b'),
  ping: (_, view) => view.ping(),
  'keys, over all shards': (_, view) => view.keys('*'),
  'a command that is not known': (_, view) => view.call('x.y', 'k'),
  'target of a role': (_, view) => view.target('all').ping(),
  'target of any node': (_, view) => view.target('random').ping(),
  multi: (_, view) => view.multi().get('k').exec(),
  pipeline: async (_, view) => {
    const [[error]] = await view.pipeline().get('k').exec();
    throw error;
  },
  scanIterator: (_, view) => view.scanIterator().next(),
  hscanIterator: (_, view) => view.hscanIterator('k').next(),
  scanStream: (_, view) => view.scanStream().toArray(),
  'nonAtomic.mget': (_, view) => view.nonAtomic.mget('a', 'b'),
  'nonAtomic.mset': (_, view) => view.nonAtomic.mset('a', 1, 'b', 2),
  'admin.nodes': (_, view) => view.admin.info(),
  refreshTopology: (client) => client.refreshTopology(),
};

describe('a cluster that cannot be reached', () => {
  const outcomeOf = async (options: CallOptions, name: string): Promise<ClusterError> => {
    const client = new ClusterClient({ nodes: [NOWHERE], startupTimeoutMs: NEVER, deadlineMs: 200 });
    try {
      return await Promise.resolve(CALLS[name](client, client.with(options))).then(
        () => {
          throw new Error('answered');
        },
        (error: ClusterError) => error,
      );
    } finally {
      client.disconnect();
    }
  };

  it.each(Object.keys(CALLS))('%s keeps its deadline', async (name) => {
    const error = await outcomeOf({}, name);
    const code = name === 'nonAtomic.mset' ? 'PARTIAL_WRITE' : 'DEADLINE_EXCEEDED';
    expect(error).toMatchObject({ code, applied: false, retryable: true });
  });

  it.each(Object.keys(CALLS).filter((name) => name !== 'refreshTopology'))(
    '%s can be aborted',
    async (name) => {
      const gone = new AbortController();
      const error = outcomeOf({ deadlineMs: NEVER, signal: gone.signal }, name);
      gone.abort(new Error('gave up'));
      const aborted = { code: 'ABORTED', applied: false, cause: { message: 'gave up' } };
      if (name === 'nonAtomic.mset')
        expect(await error).toMatchObject({ code: 'PARTIAL_WRITE', applied: false });
      else expect(await error).toMatchObject(aborted);
    },
  );
});
