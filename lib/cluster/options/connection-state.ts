import { ReplyError } from '../common/errors.js';
import type { Argument } from '../protocol/request-encoder.js';
import type { Ask } from '../protocol/reply.js';
import type { ConnectionPurpose } from './connection-hook.js';

/** A command whose effect belongs to its connection. */
interface KeptCall {
  readonly words: readonly [name: string, ...args: string[]];
  readonly purposes: ReadonlySet<ConnectionPurpose>;
}

/** What a command changes: it sets the state of a name, or ends it, or ends all that begins so. */
type Effect =
  | { readonly sets: string; readonly on: ReadonlySet<ConnectionPurpose> }
  | { readonly ends: string }
  | { readonly endsAll: string };

const EVERY_CONNECTION = new Set<ConnectionPurpose>(['shared', 'leased', 'subscriber']);
const CALLS_ONLY = new Set<ConnectionPurpose>(['shared', 'leased']);
/** Leased and subscriber connections have names that tell them apart. */
const SHARED_ONLY = new Set<ConnectionPurpose>(['shared']);

/** The commands that are kept, by their lower-case names. Their arguments begin with the subcommand. */
const EFFECTS: ReadonlyMap<string, (args: readonly string[]) => Effect> = new Map([
  ['client no-evict', switchedBy('no-evict')],
  ['client no-touch', switchedBy('no-touch')],
  [
    'client setinfo',
    ([, attribute = '']) => ({ sets: `setinfo ${attribute.toLowerCase()}`, on: EVERY_CONNECTION }),
  ],
  ['client setname', () => ({ sets: 'setname', on: SHARED_ONLY })],
  ['himport prepare', ([, fieldset]) => ({ sets: `himport ${fieldset}`, on: CALLS_ONLY })],
  ['himport discard', ([, fieldset]) => ({ ends: `himport ${fieldset}` })],
  ['himport discardall', () => ({ endsAll: 'himport ' })],
]);

/**
 * The state of connections that calls have set: it is set again on each new connection, as callers share connections
 * and do not see when one is replaced.
 */
export class ConnectionState {
  /** Function libraries that this client has loaded, by name. A server that was restarted may have lost them. */
  readonly libraries = new Map<string, Argument>();
  private readonly kept = new Map<string, KeptCall>();

  /**
   * Records a command before it is sent, so that a connection that opens meanwhile has its effect.
   * @returns a function that takes it back, if no node has executed it; undefined if it changes no connection
   */
  record(command: string, name: string, args: readonly Argument[]): (() => void) | undefined {
    const effectOf = EFFECTS.get(command);
    if (effectOf === undefined) return undefined;
    const { kept } = this;
    const texts = args.map(String);
    const effect = effectOf(texts);
    if ('endsAll' in effect) {
      for (const key of kept.keys()) if (key.startsWith(effect.endsAll)) kept.delete(key);
      return () => {};
    }
    const key = 'sets' in effect ? effect.sets : effect.ends;
    const before = kept.get(key);
    const call = 'sets' in effect ? { words: [name, ...texts] as const, purposes: effect.on } : undefined;
    put(kept, key, call);
    return () => {
      // unless another call has replaced it
      if (kept.get(key) === call) put(kept, key, before);
    };
  }

  /** Sends all that is kept on a new connection. A server that refuses a command does not fail the connection. */
  async restore(ask: Ask, purpose: ConnectionPurpose): Promise<void> {
    const calls = [...this.kept.values()].filter(({ purposes }) => purposes.has(purpose));
    const libraries = purpose === 'shared' ? [...this.libraries.values()] : [];
    await Promise.all([
      ...calls.map(({ words: [name, ...args] }) => tolerant(ask(name, ...args))),
      // without REPLACE: the server may have a newer version
      ...libraries.map((code) => tolerant(ask('FUNCTION', 'LOAD', String(code)))),
    ]);
  }
}

function switchedBy(name: string): (args: readonly string[]) => Effect {
  return ([, word = '']) =>
    word.toLowerCase() === 'off' ? { ends: name } : { sets: name, on: EVERY_CONNECTION };
}

function put(kept: Map<string, KeptCall>, key: string, call: KeptCall | undefined): void {
  if (call === undefined) kept.delete(key);
  else kept.set(key, call);
}

async function tolerant(reply: Promise<unknown>): Promise<void> {
  await reply.catch((error: unknown) => {
    if (!(error instanceof ReplyError)) throw error;
  });
}
