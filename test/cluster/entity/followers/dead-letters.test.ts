import type { DeadLetter } from 'keyslot';
import { keySlot } from 'keyslot';
import { outboxKey } from '../../../../lib/entity/keys/outbox-key.js';
import { eventually } from '../../../cluster-fixture.js';
import { freshId } from '../fixtures.js';
import { Parcels, QUICK } from './parcels.js';

const parcels = new Parcels();

async function lettersOf(group: string): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of parcels.repository.deadLetters(group).list()) letters.push(letter);
  return letters;
}

it('counts the attempts of all processes of a group', async () => {
  const [group, id] = [freshId(), freshId()];
  const attempts: number[] = [];
  const failing = async (retry: { attempts: number; delayMs: number }) =>
    parcels.follow(
      group,
      ({ key }, { attempt }) => {
        if (key !== id) return;
        attempts.push(attempt);
        throw new Error('no such price');
      },
      { retry },
    );
  // it waits for the third attempt until it is closed
  const first = await failing({ attempts: 4, delayMs: 600_000 });
  await parcels.add(id);
  await eventually(() => first.statistics.retried === 1);
  await first.close();
  const second = await failing({ attempts: 4, delayMs: 5 });
  await eventually(() => second.statistics.putAside === 1);
  expect(attempts).toEqual([1, 2, 3, 4]);
  expect(await lettersOf(group)).toEqual([
    expect.objectContaining({ attempts: 4, error: 'Error: no such price' }),
  ]);
});

it('puts a change aside whose handler ends its process again and again', async () => {
  const [group, id, after] = [freshId(), freshId(), freshId()];
  const attempts: number[] = [];
  const errors: Error[] = [];
  const seen: unknown[] = [];
  const follow = async () => {
    const client = parcels.mortalClient();
    return parcels.followWith(
      client,
      group,
      async ({ key }, { attempt }) => {
        if (key === after) seen.push(key);
        if (key !== id) return;
        attempts.push(attempt);
        client.disconnect(); // the process ends here
        await new Promise(() => {});
      },
      { ...QUICK, retry: { attempts: 1 }, onError: (error) => errors.push(error) },
    );
  };
  await follow();
  await parcels.add(id);
  await parcels.add(after);
  await eventually(() => attempts.length === 1);
  await follow();
  await eventually(() => attempts.length === 2);
  const third = await follow();
  await eventually(() => third.statistics.putAside === 1 && seen.length > 0);
  expect(attempts).toEqual([1, 1]); // nobody noted the first one
  expect(errors).toContainEqual(expect.objectContaining({ code: 'HANDLER_VANISHED' }));
  const letters = await lettersOf(group);
  expect(letters).toEqual([expect.objectContaining({ attempts: 1 })]);
  expect(letters[0]).toMatchObject({ change: { type: 'insert', key: id } });
  expect(await parcels.repository.deadLetters(group).redrive(() => {})).toEqual({ handled: 1, failed: 0 });
});

it('keeps maxDeadLetters of each slot, and reports what it removes', async () => {
  const [group, id] = [freshId(), freshId()];
  const removals: Error[] = [];
  const follower = await parcels.follow(
    group,
    ({ key }) => {
      if (key === id) throw new Error('no');
    },
    {
      retry: { attempts: 1 },
      maxDeadLetters: 2,
      onError: (error) => error.message !== 'no' && removals.push(error),
    },
  );
  await parcels.add(id);
  for (const state of ['a', 'b', 'c']) await parcels.repository.update(id, { state });
  await eventually(() => follower.statistics.putAside === 4);
  expect(follower.statistics).toMatchObject({ deadLettersRemoved: 2 });
  expect(removals).toEqual(Array(2).fill(expect.objectContaining({ code: 'DEAD_LETTERS_REMOVED' })));
  const letters = await lettersOf(group);
  expect(letters.map(({ change }) => change.type)).toEqual(['update', 'update']);
});

it('puts aside what it cannot decode, also if there is deadLetter', async () => {
  const [group, id] = [freshId(), freshId()];
  const handed: DeadLetter[] = [];
  const seen: string[] = [];
  const follower = await parcels.follow(group, ({ type, key }) => key === id && seen.push(type), {
    ...QUICK,
    retry: { attempts: 1 },
    deadLetter: (letter) => handed.push(letter),
  });
  await parcels.add(id);
  await eventually(() => seen.length === 1);
  // an event of a later version
  const outbox = outboxKey('Parcel', keySlot(parcels.repository.partition(id).tag));
  const last = (await parcels.client.xrevrange(outbox, '+', '-', 'COUNT', 1))[0][0];
  const fields = { b: last, t: 'event', e: 'later', p: id, i: '', v: '0', d: '<xml/>' };
  await parcels.client.xadd(outbox, '*', ...Object.entries(fields).flat());
  await parcels.repository.delete(id);
  await eventually(() => seen.length === 2);
  expect(seen).toEqual(['insert', 'delete']);
  expect(handed).toEqual([]);
  expect(follower.statistics).toMatchObject({ putAside: 1 });
  const letters = parcels.repository.deadLetters(group);
  const failure: Error = await lettersOf(group).then(
    () => new Error('listed'),
    (error: Error) => error,
  );
  expect(failure).toMatchObject({ code: 'SCHEMA_ERROR' });
  const named = /put aside as (\S+)/.exec(failure.message)![1];
  expect(await letters.discard(named)).toEqual({ discarded: true });
  expect(await lettersOf(group)).toEqual([]);
});
