import type { Schedule } from './schedules/schedule.js';

/** Schedules in which something was wrong once, by what it was. `npm run simulate` prints such entries. */
export const FAILED_ONCE: readonly (readonly [name: string, schedule: Schedule])[] = [
  [
    'a redirected call that overtook an earlier one, which waited for the hand-over of the slot',
    {
      seed: 5,
      retry: 'safe',
      gossipMs: 400,
      lagMs: 1,
      faults: [
        { at: 1480, fault: 'isolate', node: 2, ms: 1190 },
        { at: 1800, fault: 'freeze', node: 0, ms: 482 },
      ],
      calls: [
        {
          at: 2084,
          client: 1,
          form: 'pipeline',
          calls: [
            ['m{a}', 'remove', 'e0'],
            ['l{a}', 'append', 'e69'],
          ],
        },
        { at: 2173, client: 1, form: 'pipeline', calls: [['l{a}', 'append', 'e74']] },
        { at: 2187, client: 1, form: 'multi', calls: [['x{c}', 'replace', null, 'v78']] },
      ],
    },
  ],
  [
    'a refused call that was sent again before those behind it had been refused',
    {
      seed: 9,
      retry: 'safe',
      gossipMs: 400,
      lagMs: 1,
      faults: [{ at: 657, fault: 'kill', node: 2, ms: 1157 }],
      calls: [
        {
          at: 120,
          client: 1,
          form: 'each',
          calls: [
            ['x{a}', 'replace', 'v-2', 'v1'],
            ['x{a}', 'replace', 'v-1', 'v2'],
            ['x{a}', 'replace', null, 'v3'],
          ],
        },
        {
          at: 171,
          client: 0,
          form: 'pipeline',
          calls: [
            ['n{c}', 'add', 2],
            ['x{a}', 'replace', 'v2', 'v5'],
            ['l{b}', 'append', 'e6'],
            ['w{c}', 'write', 'v7'],
          ],
        },
        {
          at: 187,
          client: 1,
          form: 'each',
          calls: [
            ['l{c}', 'append', 'e8'],
            ['l{c}', 'append', 'e9'],
            ['l{c}', 'read'],
            ['l{c}', 'read'],
          ],
        },
        {
          at: 400,
          client: 1,
          form: 'pipeline',
          calls: [
            ['w{a}', 'read'],
            ['n{a}', 'add', 2],
          ],
        },
        {
          at: 492,
          client: 1,
          form: 'pipeline',
          calls: [
            ['x{b}', 'replace', null, 'v11'],
            ['x{a}', 'replace', null, 'v12'],
            ['n{b}', 'add', 2],
            ['x{b}', 'replace', 'v11', 'v14'],
            ['w{c}', 'read'],
          ],
        },
        {
          at: 511,
          client: 1,
          form: 'multi',
          calls: [
            ['l{c}', 'append', 'e15'],
            ['m{c}', 'add', 'e0'],
            ['n{c}', 'add', 3],
            ['x{c}', 'read'],
          ],
        },
        { at: 730, client: 1, form: 'each', calls: [['l{b}', 'read']] },
        {
          at: 774,
          client: 0,
          form: 'each',
          calls: [
            ['w{c}', 'read'],
            ['w{c}', 'read'],
            ['w{c}', 'read'],
            ['w{c}', 'write', 'v18'],
          ],
        },
        {
          at: 813,
          client: 1,
          form: 'each',
          calls: [
            ['n{b}', 'add', 2],
            ['n{b}', 'add', 3],
            ['n{b}', 'read'],
            ['n{b}', 'read'],
            ['n{b}', 'add', 1],
          ],
        },
        { at: 834, client: 1, form: 'each', calls: [['x{b}', 'replace', 'v19', 'v22']] },
        {
          at: 1222,
          client: 1,
          form: 'each',
          calls: [
            ['w{c}', 'write', 'v23'],
            ['w{c}', 'write', 'v24'],
          ],
        },
        {
          at: 1235,
          client: 1,
          form: 'multi',
          calls: [
            ['x{c}', 'replace', 'v22', 'v25'],
            ['w{c}', 'read'],
          ],
        },
        {
          at: 1294,
          client: 0,
          form: 'each',
          calls: [
            ['l{c}', 'append', 'e26'],
            ['l{c}', 'append', 'e27'],
          ],
        },
        { at: 1316, client: 1, form: 'each', calls: [['l{b}', 'append', 'e28']] },
        {
          at: 1334,
          client: 1,
          form: 'pipeline',
          calls: [
            ['m{b}', 'remove', 'e1'],
            ['l{c}', 'append', 'e30'],
            ['n{a}', 'read'],
          ],
        },
        {
          at: 1342,
          client: 1,
          form: 'multi',
          calls: [
            ['n{b}', 'read'],
            ['m{b}', 'read'],
            ['l{b}', 'append', 'e33'],
          ],
        },
        {
          at: 1383,
          client: 0,
          form: 'each',
          calls: [
            ['n{a}', 'add', 2],
            ['n{a}', 'read'],
            ['n{a}', 'add', 3],
          ],
        },
      ],
    },
  ],
  [
    'a call that was not sent to a silent node, and overtook one that the node refused',
    {
      seed: 603,
      retry: 'reads',
      gossipMs: 50,
      lagMs: 5,
      faults: [
        { at: 408, fault: 'freeze', node: 2, ms: 1483 },
        { at: 543, fault: 'isolate', node: 2, ms: 1579 },
      ],
      calls: [
        { at: 1156, client: 1, form: 'multi', calls: [['m{c}', 'remove', 'e2']] },
        { at: 1294, client: 0, form: 'each', calls: [['m{c}', 'read']] },
        { at: 1299, client: 1, form: 'pipeline', calls: [['n{a}', 'add', 1]] },
        { at: 1649, client: 1, form: 'each', calls: [['x{b}', 'replace', null, 'v60']] },
        { at: 1791, client: 1, form: 'multi', calls: [['n{a}', 'add', 1]] },
        { at: 1806, client: 0, form: 'multi', calls: [['x{b}', 'replace', null, 'v66']] },
      ],
    },
  ],
  [
    'a call of one key that waited as long as one before it, whose keys were moved apart',
    {
      seed: 69,
      retry: 'reads',
      gossipMs: 5,
      lagMs: 60,
      faults: [{ at: 345, fault: 'move', tag: 'c', shard: 0, pauseMs: 600 }],
      calls: [
        {
          at: 84,
          client: 1,
          form: 'each',
          calls: [
            ['p{a}', 'write', 'v1023'],
            ['p{a}', 'write', 'v1024'],
            ['p{a}', 'write', 'v1025'],
          ],
        },
        {
          at: 114,
          client: 1,
          form: 'each',
          calls: [
            ['p{c}', 'write', 'v1020'],
            ['p{c}', 'write', 'v1021'],
            ['p{c}', 'write', 'v1022'],
          ],
        },
        {
          at: 157,
          client: 0,
          form: 'each',
          calls: [
            ['n{c}', 'add', 3],
            ['n{c}', 'add', 1],
            ['n{c}', 'add', 2],
            ['n{c}', 'add', 3],
          ],
        },
        { at: 325, client: 1, form: 'each', calls: [['l{c}', 'append', 'e1040']] },
        { at: 387, client: 1, form: 'pipeline', calls: [['p{a}', 'write', 'v1012']] },
        { at: 419, client: 1, form: 'each', calls: [['w{c}', 'write', 'v1036']] },
        { at: 438, client: 1, form: 'each', calls: [['w{c}', 'write', 'v1038']] },
        {
          at: 543,
          client: 1,
          form: 'each',
          calls: [
            ['p{c}', 'write', 'v1026'],
            ['p{c}', 'write', 'v1027'],
          ],
        },
        {
          at: 611,
          client: 0,
          form: 'each',
          calls: [
            ['x{b}', 'replace', 'v13', 'v16'],
            ['x{b}', 'replace', 'v14', 'v17'],
            ['x{b}', 'replace', null, 'v18'],
          ],
        },
        {
          at: 626,
          client: 1,
          form: 'each',
          calls: [
            ['n{c}', 'add', 2],
            ['n{c}', 'read'],
            ['n{c}', 'add', 3],
          ],
        },
        { at: 995, client: 1, form: 'each', calls: [['l{c}', 'append', 'e1039']] },
        {
          at: 1095,
          client: 1,
          form: 'each',
          calls: [
            ['n{b}', 'add', 3],
            ['n{b}', 'add', 1],
            ['n{b}', 'add', 2],
          ],
        },
        { at: 1530, client: 1, form: 'each', calls: [['x{c}', 'replace', 'v55', 'v58']] },
      ],
      clockSkewMs: 0,
      replyTimeoutMs: 200,
      messages: [
        { at: 1300, client: 1, channel: 'c{c}' },
        { at: 1786, client: 0, channel: 'c{a}' },
        { at: 2440, client: 0, channel: 's{c}' },
        { at: 2458, client: 1, channel: 's{a}' },
      ],
    },
  ],
  [
    'two pieces of a reply of the simulated network that changed places, for a rounding error of their moment',
    {
      seed: 990099,
      retry: 'safe',
      gossipMs: 400,
      lagMs: 5,
      faults: [],
      calls: [],
      seats: [
        { at: 0, client: 1, hall: 'h0', name: 'swap', id: 's0', other: 's1', serial: 0 },
        { at: 0, client: 1, hall: 'h0', name: 'swap', id: 's2', other: 's3', serial: 1 },
        { at: 0, client: 0, hall: 'h2', name: 'swap', id: 's0', other: 's1', serial: 2 },
        { at: 0, client: 0, hall: 'h2', name: 'swap', id: 's2', other: 's3', serial: 3 },
        { at: 0, client: 1, hall: 'h5', name: 'swap', id: 's0', other: 's1', serial: 4 },
        { at: 0, client: 0, hall: 'h5', name: 'swap', id: 's2', other: 's3', serial: 5 },
      ],
    },
  ],
  [
    'a blocking call that was waited for as long as its connection seemed to be open',
    {
      seed: 16,
      retry: 'safe',
      gossipMs: 5,
      lagMs: 60,
      faults: [{ at: 560, fault: 'cutOff', node: 0, directions: ['down'], ms: 4000 }],
      calls: [{ at: 516, client: 1, form: 'each', calls: [['q{b}', 'pop', 901]] }],
      clockSkewMs: 0,
      replyTimeoutMs: 5000,
      messages: [],
    },
  ],
  [
    'a call that waited for a new owner and was sent before an earlier one, which was redirected once more',
    {
      seed: 778,
      retry: 'safe',
      gossipMs: 50,
      lagMs: 5,
      faults: [
        { at: 1386, fault: 'move', tag: 'c', shard: 2, pauseMs: 3 },
        { at: 700, fault: 'cutOff', node: 1, directions: ['down'], ms: 720 },
        { at: 1390, fault: 'failOver', shard: 2 },
      ],
      calls: [
        { at: 20, client: 0, form: 'each', calls: [['n{c}', 'add', 1]] },
        {
          at: 1030,
          client: 0,
          form: 'each',
          calls: [
            ['n{c}', 'add', 1],
            ['n{c}', 'add', 2],
            ['n{c}', 'add', 3],
          ],
        },
        { at: 1250, client: 0, form: 'multi', calls: [['n{c}', 'add', 2]] },
        {
          at: 1260,
          client: 0,
          form: 'each',
          calls: [
            ['n{c}', 'add', 1],
            ['n{c}', 'add', 2],
            ['n{c}', 'add', 3],
            ['n{c}', 'add', 1],
          ],
        },
      ],
    },
  ],
  [
    'a blocking call that was sent again, and waited for its whole timeout on a connection that had died unnoticed',
    {
      seed: 3,
      retry: 'safe',
      gossipMs: 5,
      lagMs: 5,
      faults: [
        { at: 1000, fault: 'reset', node: 0 },
        { at: 1150, fault: 'vanish', node: 0, share: 1 },
      ],
      calls: [{ at: 100, client: 0, form: 'each', calls: [['r{b}', 'wait', 1500]] }],
      messages: [],
    },
  ],
  [
    'messages that a former primary took, and that the new one had by the bus behind later messages',
    {
      seed: 96,
      retry: 'safe',
      gossipMs: 5,
      lagMs: 5,
      faults: [{ at: 10, fault: 'failOver', shard: 2, ms: 350 }],
      calls: [],
      messages: [0, 1].flatMap((client) =>
        ['s{a}', 's1{a}'].flatMap((channel) => [60, 61].map((at) => ({ at, client, channel }))),
      ),
    },
  ],
  [
    'appends that nobody saw, more than a search could put in all orders, after a loss',
    {
      seed: 1,
      retry: 'safe',
      gossipMs: 5,
      lagMs: 60,
      faults: [{ at: 359, fault: 'freeze', node: 2, ms: 4000 }],
      calls: [
        [324, 'e0'],
        [934, 'e1'],
        [1372, 'e2'],
        [1444, 'e3'],
        [1576, 'e4'],
        [1731, 'e5'],
        [1959, 'e6'],
        [2013, 'e7'],
        [2113, 'e8'],
        [2175, 'e9'],
      ].map(([at, element]) => ({
        at: Number(at),
        client: 1,
        form: 'each',
        calls: [['l{a}', 'append', element]],
      })),
      clockSkewMs: 30,
      replyTimeoutMs: 5_000,
    },
  ],
  [
    'a slot that moved to a primary which its replica was about to replace, and whose keys were lost with it',
    {
      seed: 2,
      retry: 'safe',
      gossipMs: 5,
      lagMs: 5,
      faults: [
        { at: 300, fault: 'failOver', shard: 0 },
        { at: 301, fault: 'move', tag: 'a', shard: 0, pauseMs: 5 },
      ],
      calls: [100, 200, 300, 305, 320, 340].map((at, serial) => ({
        at,
        client: serial % 2,
        form: 'each',
        calls: [
          ['l{a}', 'append', `e${serial}`],
          ['w{a}', 'write', `v${serial}`],
          ['n{a}', 'add', 1],
          ['l{a}', 'read'],
        ],
      })),
    },
  ],
];
