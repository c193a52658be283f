import { setTimeout as delay } from 'node:timers/promises';
import type { KeyslotSession } from '../clients/keyslot.js';
import {
  always,
  atLeast,
  atMost,
  commitsSucceed,
  gapsTold,
  noErrors,
  noneLost,
  type Goal,
} from '../goals.js';
import type { Scenario, Stage } from '../scenario.js';
import { OpenTill } from '../tills/till.js';
import { noteTill, tillGoals } from '../tills/till-goals.js';
import { TillProcess } from '../tills/till-process.js';
import { LOCK_TTL_MS, type TillRole } from '../tills/till-roles.js';
import { trial } from '../trial.js';
import { sized } from './standing.js';

const ROLES: readonly TillRole[] = ['saver', 'locker', 'follower'];
const PROCESSES_OF_A_ROLE = 2;
/** What shows that a role works. Of two followers of one till only one has something to do. */
const WORK_OF = { saver: 'receipt done', locker: 'visit done', follower: 'change handled' } as const;
const goals: readonly Goal[] = [...always, gapsTold, noErrors, noneLost, commitsSucceed, ...tillGoals];

/** How often the holder of a lock is stopped until it has lost it: it may have finished its work at that moment. */
const MOST_STOPS = 20;

type Harm = (process: TillProcess, start: () => TillProcess) => Promise<TillProcess>;

/** Two processes of each role work on a till, and one after the other is harmed while it works. */
function harmProcesses(stage: Stage, rounds: number, harm: Harm): ReturnType<typeof trial> {
  return trial(
    stage,
    async ({ session, note }) => {
      const { cluster } = stage;
      const till = await OpenTill.open(cluster, (session as KeyslotSession).client);
      const start = (role: TillRole): TillProcess => TillProcess.start(role, cluster, till);
      const processes = ROLES.flatMap((role) =>
        Array.from({ length: PROCESSES_OF_A_ROLE }, () => start(role)),
      );
      let hung = 0;
      try {
        await Promise.all(processes.map((each) => each.progress(1)));
        for (let round = 0; round < rounds; round++) {
          const at = round % processes.length;
          const victim = processes[at];
          await till.books.untilMore(WORK_OF[victim.role], 3);
          await delay(Math.random() * 100);
          processes[at] = await harm(victim, () => start(victim.role));
        }
        for (const role of ROLES) await till.books.untilMore(WORK_OF[role], 3);
      } finally {
        // the followers last, as they have to count what the others saved
        for (const roles of [['saver', 'locker'], ['follower']]) {
          const these = processes.filter(({ role }) => roles.includes(role));
          if (roles[0] === 'follower') await till.untilCounted();
          const ended = await Promise.all(these.map((each) => each.end()));
          hung += ended.filter((inTime) => !inTime).length;
        }
      }
      noteTill(note, await till.judge());
      note('processes that did not end', hung);
    },
    { load: { callers: 2, pipelines: 1, pauseMs: 20 } },
  );
}

async function stopForAWhile(process: TillProcess): Promise<void> {
  process.stop();
  await delay(2.5 * LOCK_TTL_MS);
  process.resume();
}

/** Stops a process while it holds the lock, so that another holds it when it goes on. */
async function stopUntilLockLost(process: TillProcess): Promise<void> {
  for (let stops = 0; stops < MOST_STOPS; stops++) {
    await process.next('lock held');
    const outcome = process.next('lock lost', 'visit done', 'failed');
    await stopForAWhile(process);
    if ((await outcome) === 'lock lost') return;
  }
}

/** Processes of the application. */
export const processes: readonly Scenario[] = [
  {
    name: 'killed-process',
    title:
      'client processes are killed while they save, hold a lock, or handle changes (6; 60 in the full form)',
    keyslotOnly: 'the processes use entities',
    goals: [...goals, atMost('processes that did not end', 0)],
    play: (stage) =>
      harmProcesses(stage, sized(stage, 6, 60), async (process, start) => {
        await process.kill();
        const next = start();
        await next.progress(1);
        return next;
      }),
  },
  {
    name: 'stopped-process',
    title:
      'client processes are stopped past their lock and lease (SIGSTOP), and go on (6; 36 in the full form)',
    keyslotOnly: 'the processes use entities',
    goals: [...goals, atMost('processes that did not end', 0), atLeast('locks lost', 1)],
    play: (stage) =>
      harmProcesses(stage, sized(stage, 6, 36), async (process) => {
        if (process.role !== 'locker') await stopForAWhile(process);
        else await stopUntilLockLost(process);
        return process;
      }),
  },
];
