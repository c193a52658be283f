import { type KeyslotCommandContext, type KeyslotContexts, keyslotChannel } from 'keyslot';

const command: KeyslotCommandContext | undefined = undefined as KeyslotCommandContext | undefined;
export const kind: 'single' | 'leased' | 'fanOut' | undefined = command?.kind;
export const entity: string | undefined = (undefined as KeyslotContexts['keyslot:entity'] | undefined)
  ?.entity;
keyslotChannel('keyslot:publish').subscribe({
  start({ batchSize }) {
    batchSize.toFixed();
  },
  end() {},
  asyncStart() {},
  asyncEnd({ receivers, nodes }) {
    nodes.map(({ outcome }) => outcome satisfies 'ok' | 'error' | 'unknown');
    receivers?.toFixed();
  },
  error() {},
});
// @ts-expect-error -- there is no such channel
keyslotChannel('keyslot:commands');
// @ts-expect-error -- contexts hold no values
export const value = command?.args;
