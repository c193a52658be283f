import { ReplyError } from '../cluster/errors.js';
import {
  type CollectionCall,
  type CollectionPlace,
  type CollectionReplies,
  callArguments,
  collectionKey,
} from './collection-call.js';
import { COLLECTION_KINDS } from './collection-schema.js';
import { COLLECTION_SCRIPT } from './collection-script.js';
import { type FaultCode, faultError } from './commit-faults.js';
import type { EntityClient, ElementScan } from './entity-client.js';
import { SchemaMismatchError } from './entity-errors.js';
import { windowKeys } from './entity-key.js';
import { operationToken } from './operation-token.js';
import type { ScriptCaller } from './script-caller.js';
import type { Stored } from './row-mapper.js';
import type { WriteOptions } from './write-options.js';

/** How a handle reaches the key of its collection. */
export interface CollectionAccess {
  /** Where it is. @throws EntityNotSavedError */
  place(): CollectionPlace;
  /** The same, with other options of writes. */
  with(options: WriteOptions): CollectionAccess;
  /** Runs a command that only reads; text of the reply is bytes. */
  read(command: string, ...args: Stored[]): Promise<unknown>;
  /** All elements, in pages. */
  pages(scan: ElementScan): AsyncIterable<Buffer[]>;
  /** Runs calls in one step, if the row is there; none send nothing, and are answered with nothing. */
  write<R>(calls: () => readonly CollectionCall[], answer: (replies: CollectionReplies) => R): Promise<R>;
}

/** Elements that a server looks at in one step of a walk. */
const STEP = 100;

/** Reaches a collection on the server. */
export class StoredCollection implements CollectionAccess {
  constructor(
    private readonly client: EntityClient,
    private readonly scripts: ScriptCaller,
    readonly place: () => CollectionPlace,
    private readonly options: WriteOptions = {},
  ) {}

  with(options: WriteOptions): StoredCollection {
    return new StoredCollection(this.client, this.scripts, this.place, { ...this.options, ...options });
  }

  async read(command: string, ...args: Stored[]): Promise<unknown> {
    const place = this.place();
    try {
      return await this.client.send(command, [collectionKey(place.key, place.collection), ...args], true);
    } catch (error) {
      throw readFault(error, place);
    }
  }

  async *pages(scan: ElementScan): AsyncGenerator<Buffer[]> {
    const place = this.place();
    try {
      yield* this.client.elementPages(scan, collectionKey(place.key, place.collection), { count: STEP });
    } catch (error) {
      throw readFault(error, place);
    }
  }

  async write<R>(
    makeCalls: () => readonly CollectionCall[],
    answer: (replies: CollectionReplies) => R,
  ): Promise<R> {
    const { schema, collection, key } = this.place();
    const calls = makeCalls();
    if (calls.length === 0) return answer([]);
    const { opId, ...options } = this.options;
    const window = schema.hasWindow ? windowKeys(key.tag) : [];
    const script = {
      script: COLLECTION_SCRIPT,
      keys: [key.row, collectionKey(key, collection), ...window],
      args: [
        operationToken(opId),
        COLLECTION_KINDS[collection.kind].type,
        String(calls.length),
        ...callArguments(calls),
      ],
    };
    // The row does not remember what was done to its collections; the window does.
    const retry = schema.hasWindow ? 'always' : 'safe';
    const [outcome, ...parts] = await this.scripts.runForBytes(script, retry, options);
    const fault = outcome.toString() as FaultCode | 'OK';
    if (fault === 'OK') return answer(repliesOf(parts));
    throw faultError({ fault, operation: { schema, key, mode: 'touch' }, detail: collection.property });
  }
}

function readFault(error: unknown, { schema, collection, key }: CollectionPlace): unknown {
  if (!(error instanceof ReplyError) || error.code !== 'WRONGTYPE') return error;
  return new SchemaMismatchError(schema.name, collection.property, key.row, `a ${collection.kind}`);
}

function repliesOf(parts: readonly Buffer[]): Buffer[][] {
  const replies: Buffer[][] = [];
  for (let at = 0; at < parts.length;) {
    const end = at + 1 + Number(parts[at]);
    replies.push(parts.slice(at + 1, end));
    at = end;
  }
  return replies;
}
