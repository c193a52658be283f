import { channel, tracingChannel } from 'node:diagnostics_channel';
import { KEYSLOT_CHANNELS, keyslotChannel } from 'keyslot';

describe('the tracing channels', () => {
  it('are the node:diagnostics_channel channels of the same names', () => {
    expect(KEYSLOT_CHANNELS).toEqual([
      'keyslot:command',
      'keyslot:pipeline',
      'keyslot:transaction',
      'keyslot:connect',
      'keyslot:topology',
      'keyslot:entity',
      'keyslot:publish',
      'keyslot:message',
    ]);
    for (const name of KEYSLOT_CHANNELS) {
      expect(keyslotChannel(name).start).toBe(channel(`tracing:${name}:start`));
      expect(tracingChannel(name).asyncEnd).toBe(keyslotChannel(name).asyncEnd);
    }
  });

  it('report whether any of their five parts has subscribers', () => {
    const command = keyslotChannel('keyslot:command');
    const listener = (): void => {};
    expect(command.hasSubscribers).toBe(false);
    for (const part of ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const) {
      command[part].subscribe(listener);
      expect(command.hasSubscribers).toBe(true);
      command[part].unsubscribe(listener);
      expect(command.hasSubscribers).toBe(false);
    }
  });
});
