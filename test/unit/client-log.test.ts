import { jest } from '@jest/globals';
import type { LogEntry } from 'keyslot';
import { fakeClock, pass } from '../fake-clock.js';

fakeClock();
const { LogWriter } = await import('../../lib/cluster/logging/log-writer.js');
const { ClientLog } = await import('../../lib/cluster/logging/client-log.js');
const { keyslotChannel } = await import('keyslot');
const LOG_KINDS = ['error', 'topology', 'slow', 'command'] as const;

/** A command's context as it is published at its end. */
const commandContext = (fields: object = {}): never =>
  ({
    clientId: 1,
    startedAt: performance.timeOrigin + performance.now(),
    command: 'HSET',
    argumentCount: 3,
    kind: 'single',
    slot: 93,
    node: '10.0.0.1:7000',
    nodes: [],
    attempts: 1,
    redirects: { moved: 0, ask: 0 },
    retries: 0,
    events: [],
    outcome: 'ok',
    ...fields,
  }) as never;

describe('a log writer', () => {
  it('writes 50 errors a second, then says how many more there were, also if no other follows', async () => {
    const entries: LogEntry[] = [];
    const writer = new LogWriter((entry) => entries.push(entry), 'shop');
    for (let i = 0; i < 1_000; i++) writer.write('error', 'error', `line ${i}`, {});
    writer.write('slow', 'warn', 'another kind', {});
    expect(entries).toHaveLength(51);
    expect(entries[50]).toMatchObject({ kind: 'slow', clientName: 'shop' });
    await pass(1_100);
    expect(entries.slice(51)).toMatchObject([
      {
        kind: 'error',
        level: 'warn',
        message: "950 more entries of the kind 'error' were suppressed",
        fields: { suppressed: 950 },
      },
    ]);
    writer.write('error', 'error', 'later', {});
    expect(entries.at(-1)?.message).toBe('later');
    await pass(10_000);
    expect(entries).toHaveLength(53);
  });

  it('says at its end what it has suppressed', () => {
    const entries: LogEntry[] = [];
    const writer = new LogWriter((entry) => entries.push(entry), undefined);
    for (let i = 0; i < 60; i++) writer.write('error', 'error', 'line', {});
    writer.end();
    expect(entries.at(-1)?.fields).toEqual({ suppressed: 10 });
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('disk full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
    [
      'throws something odd',
      () => {
        throw Object.defineProperty(new Error('x'), 'message', {
          get: () => {
            throw new Error('disk full');
          },
        });
      },
    ],
  ])('reports once that a logger %s, and keeps calling it', async (_, fail) => {
    const warnings: string[] = [];
    const warn = jest
      .spyOn(process, 'emitWarning')
      .mockImplementation((warning) => void warnings.push(String(warning)));
    let calls = 0;
    const writer = new LogWriter(() => {
      calls++;
      return fail();
    }, undefined);
    for (let i = 0; i < 3; i++) writer.write('error', 'error', 'line', {});
    await pass(1);
    warn.mockRestore();
    expect(calls).toBe(3);
    expect(warnings).toEqual([expect.stringContaining('The logger of a cluster client failed')]);
  });
});

describe('the log of a client', () => {
  const started: { stop(): void }[] = [];
  afterEach(() => started.splice(0).forEach((log) => log.stop()));

  function logOf(...logging: (typeof LOG_KINDS)[number][]): LogEntry[] {
    const entries: LogEntry[] = [];
    const logger = (entry: LogEntry): unknown => entries.push(entry);
    const log = new ClientLog({
      clientId: 1,
      clientName: 'shop',
      logging: new Set(logging),
      slowMs: 50,
      logger,
    });
    log.start();
    started.push(log);
    return entries;
  }

  const ended = (context: never): void => keyslotChannel('keyslot:command').asyncEnd.publish(context);

  it('has a line for each command, with its node', () => {
    const entries = logOf('command');
    ended(commandContext({ attempts: 2, redirects: { moved: 1, ask: 0 } }));
    expect(entries).toMatchObject([
      {
        kind: 'command',
        level: 'debug',
        clientName: 'shop',
        fields: {
          command: 'HSET',
          node: '10.0.0.1:7000',
          slot: 93,
          attempts: 2,
          redirects: 1,
          outcome: 'ok',
        },
      },
    ]);
    expect(entries[0].message).toMatch(
      /^HSET on 10\.0\.0\.1:7000 \(slot 93, 2 attempts, 1 redirect, \d+\.\d ms\)$/,
    );
  });

  it('has a line for each failure, without what a script has said', () => {
    const entries = logOf('error');
    ended(commandContext());
    ended(commandContext({ outcome: 'error', errorCode: 'WRONGTYPE' }));
    ended(commandContext({ outcome: 'unknown', errorCode: 'OUTCOME_UNKNOWN', node: undefined }));
    ended(commandContext({ outcome: 'error', errorCode: 'user-4711' }));
    expect(entries.map(({ message }) => message.replace(/, [\d.]+ ms/, ''))).toEqual([
      'HSET failed with WRONGTYPE on 10.0.0.1:7000 (slot 93, 1 attempt, 0 redirects)',
      'HSET has an unknown outcome: OUTCOME_UNKNOWN (slot 93, 1 attempt, 0 redirects)',
      'HSET failed with OTHER on 10.0.0.1:7000 (slot 93, 1 attempt, 0 redirects)',
    ]);
    expect(entries.map(({ level }) => level)).toEqual(['error', 'error', 'error']);
  });

  it('has a line for each slow call, but not for one that waits on purpose', async () => {
    const entries = logOf('slow');
    const [quick, slow, blocking] = [
      commandContext(),
      commandContext({ startedAt: performance.timeOrigin + performance.now() - 1_000_000 }),
      commandContext({
        startedAt: performance.timeOrigin + performance.now() - 1_000_000,
        kind: 'leased',
        waitMs: Infinity,
      }),
    ];
    for (const context of [quick, slow, blocking]) ended(context);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ kind: 'slow', level: 'warn' });
    expect(entries[0].message).toMatch(/^Slow: HSET on 10\.0\.0\.1:7000 \(slot 93/);
  });

  it('compares the time of a call that waits on purpose without that wait', () => {
    const entries = logOf('slow');
    const leased = (durationMs: number): never =>
      commandContext({
        startedAt: performance.timeOrigin + performance.now() - durationMs,
        kind: 'leased',
        waitMs: 1_000,
      });
    ended(leased(1_040));
    expect(entries).toEqual([]);
    ended(leased(1_060));
    expect(entries).toMatchObject([{ kind: 'slow', fields: { durationMs: expect.closeTo(1_060, 0) } }]);
  });

  it('leaves out other clients, and everything after its end', () => {
    const entries = logOf('command');
    ended(commandContext({ clientId: 2 }));
    started.splice(0).forEach((log) => log.stop());
    ended(commandContext());
    expect(entries).toEqual([]);
    expect(keyslotChannel('keyslot:command').asyncEnd.hasSubscribers).toBe(false);
  });

  it.each(LOG_KINDS)('listens to nothing but what the kind %s needs', (kind) => {
    logOf(kind);
    const listening = ['keyslot:command', 'keyslot:connect', 'keyslot:topology', 'keyslot:entity'] as const;
    const expected = {
      error: [true, true, true, false],
      topology: [false, false, true, false],
      slow: [true, false, false, false],
      command: [true, false, false, false],
    }[kind];
    expect(listening.map((name) => keyslotChannel(name).asyncEnd.hasSubscribers)).toEqual(expected);
  });
});
