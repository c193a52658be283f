import { KEYSLOT_CHANNELS, keyslotChannel, type KeyslotChannelName, type KeyslotContexts } from 'keyslot';

/** Listens to all tracing channels, and keeps what they publish. */
export class TracingRecorder {
  /** `keyslot:command:start` and so on, in the order of publication. */
  readonly events: string[] = [];
  private readonly ended: { name: KeyslotChannelName; context: object }[] = [];
  private readonly stops: (() => void)[] = [];

  constructor(names: readonly KeyslotChannelName[] = KEYSLOT_CHANNELS) {
    for (const name of names) {
      const note = (part: string) => (): void => void this.events.push(`${name}:${part}`);
      const handlers = {
        start: note('start'),
        end: note('end'),
        asyncStart: note('asyncStart'),
        asyncEnd: (context: object) => {
          this.ended.push({ name, context });
          note('asyncEnd')();
        },
        error: note('error'),
      };
      const channel = keyslotChannel(name);
      channel.subscribe(handlers as never);
      this.stops.push(() => channel.unsubscribe(handlers as never));
    }
  }

  /** The contexts of operations that have ended. */
  of<N extends KeyslotChannelName>(name: N): KeyslotContexts[N][] {
    return this.ended.filter((one) => one.name === name).map(({ context }) => context as KeyslotContexts[N]);
  }

  /** The one context of a channel. */
  only<N extends KeyslotChannelName>(name: N): KeyslotContexts[N] {
    const found = this.of(name);
    if (found.length !== 1) throw new Error(`${found.length} contexts of ${name}`);
    return found[0];
  }

  /** All contexts as text, errors and what they cause included. */
  text(): string {
    const seen = new Set<unknown>();
    const errors = (_: string, value: unknown): unknown => {
      if (!(value instanceof Error)) return value;
      if (seen.has(value)) return 'seen';
      seen.add(value);
      return { ...value, message: value.message, stack: value.stack, cause: value.cause };
    };
    return JSON.stringify(
      this.ended.map(({ context }) => context),
      errors,
    );
  }

  clear(): void {
    this.events.length = 0;
    this.ended.length = 0;
  }

  stop(): void {
    for (const stop of this.stops.splice(0)) stop();
  }
}
