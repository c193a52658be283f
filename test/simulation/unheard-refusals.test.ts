import { ClientState } from './servers/client-state.js';
import { slotOf } from './servers/slot-rules.js';
import { UnheardRefusals } from './servers/unheard-refusals.js';

const ADD = ['incrby', 'n{a}', '1'];
const OTHER = ['incrby', 'n{b}', '1'];
const SLOT = slotOf('n{a}');

describe('the refusals of a connection that its client has not heard of', () => {
  it('excuse what was sent before the reply had arrived, and nothing later', () => {
    const refusals = new UnheardRefusals();
    refusals.add([ADD]);
    let deliver!: (at: number) => void;
    refusals.answer((heard) => (deliver = heard));
    expect(refusals.slotOvertakenBy([ADD], 10)).toBe(SLOT);
    expect(refusals.slotOvertakenBy([OTHER], 10)).toBeUndefined();
    deliver(20);
    expect(refusals.slotOvertakenBy([ADD], 19)).toBe(SLOT);
    expect(refusals.slotOvertakenBy([ADD], 20)).toBeUndefined();
  });

  it('are heard with the reply to EXEC if they are those of a transaction', () => {
    const refusals = new UnheardRefusals();
    refusals.add([ADD]);
    // the reply to the command has arrived, and that to EXEC has not
    expect(refusals.slotOvertakenBy([ADD], 30)).toBe(SLOT);
    refusals.answer((heard) => heard(40));
    expect(refusals.slotOvertakenBy([ADD], 40)).toBeUndefined();
  });

  it('are all those of a transaction whose EXEC is refused', () => {
    const refusals = new UnheardRefusals();
    refusals.add([OTHER, ADD]);
    expect(refusals.slotOvertakenBy([ADD], 10)).toBe(SLOT);
  });

  it('are told once, though later replies arrive earlier or later', () => {
    const refusals = new UnheardRefusals();
    const whenDelivered: ((at: number) => void)[] = [];
    for (const words of [ADD, OTHER]) {
      refusals.add([words]);
      refusals.answer((heard) => whenDelivered.push(heard));
    }
    let isToldAgain = false;
    refusals.answer(() => (isToldAgain = true));
    expect(isToldAgain).toBe(false);
    whenDelivered[0](10);
    whenDelivered[1](20);
    expect(refusals.slotOvertakenBy([ADD], 15)).toBeUndefined();
    expect(refusals.slotOvertakenBy([OTHER], 15)).toBe(slotOf('n{b}'));
  });
});

describe('what a served command executes', () => {
  const follow = (client: ClientState, words: readonly string[], isRefused = false, willFail = false): void =>
    client.follow(words[0], words, isRefused, willFail);

  it('is itself, or the commands of its transaction', () => {
    const client = new ClientState('app');
    expect(client.executedBy('incrby', ADD, false)).toEqual([ADD]);
    follow(client, ['multi']);
    expect(client.executedBy('incrby', ADD, false)).toEqual([]);
    follow(client, ADD);
    expect(client.executedBy('exec', ['exec'], false)).toEqual([ADD]);
  });

  it('is nothing if the transaction will fail', () => {
    const client = new ClientState('app');
    follow(client, ['multi']);
    follow(client, ADD);
    follow(client, OTHER, true, true);
    expect(client.executedBy('exec', ['exec'], true)).toEqual([]);
  });
});
