import type { RedisCommander } from 'ioredis';
import type { CallShape, ClusterEngine } from '../cluster/cluster-engine.js';
import type { CallPolicy } from '../cluster/command.js';
import { InvalidArgumentError, ReplyError } from '../cluster/errors.js';
import type { Reply } from '../cluster/reply.js';
import type { Script } from '../cluster/script.js';
import { normalizeArguments, takeCallback } from './call-arguments.js';
import { callPolicy, type CallOptions } from './call-options.js';
import { ClusterPipeline } from './cluster-pipeline.js';
import { ClusterTransaction } from './cluster-transaction.js';
import { installCommands } from './install-commands.js';
import { replyTransforms } from './reply-transforms.js';

/** Commands that would change or take over a connection which all callers share; there are other ways to each. */
type Unshared =
  | 'watch'
  | 'unwatch'
  | 'exec'
  | 'discard'
  | 'subscribe'
  | 'unsubscribe'
  | 'psubscribe'
  | 'punsubscribe'
  | 'ssubscribe'
  | 'sunsubscribe'
  | 'monitor'
  | 'select'
  | 'auth'
  | 'hello'
  | 'reset'
  | 'quit'
  | 'pubsub';

/** ioredis' typed commands, as far as a shared connection can serve them. */
export type ClusterCommands = Omit<RedisCommander<{ type: 'default' }>, Unshared>;

const STRINGS: CallShape = { buffers: false };
const BUFFERS: CallShape = { buffers: true };

/** A way to call commands under certain options; light, and as many as you like. Made by `cluster.with()`. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- the methods are installed below
export class ClusterView {
  constructor(
    private readonly engine: ClusterEngine,
    private readonly policy: CallPolicy,
  ) {}

  /** The same, with some options changed. @throws InvalidArgumentError */
  with(options: CallOptions): ClusterView {
    return new ClusterView(this.engine, callPolicy(this.policy, options));
  }

  /** Runs one command. The methods named for commands all come here. */
  send(name: string, args: unknown[], buffers: boolean): Promise<unknown> {
    const callback = typeof args[args.length - 1] === 'function' ? takeCallback(args) : undefined;
    let promise: Promise<unknown>;
    try {
      const transform = replyTransforms.get(name);
      const plain = buffers ? BUFFERS : STRINGS;
      const shape = transform === undefined ? plain : { buffers, transform };
      promise = this.engine.run(name, normalizeArguments(name, args), this.policy, shape);
    } catch (error) {
      promise = Promise.reject(error as Error);
    }
    if (callback !== undefined) promise.then((reply) => callback(null, reply), callback);
    return promise;
  }

  /** Commands to be sent together, over any nodes. */
  pipeline(commands: readonly (readonly unknown[])[] = []): ClusterPipeline {
    return new ClusterPipeline(this.engine, this.policy).addBatch(commands);
  }

  /** Commands to be executed in one piece, in one slot. */
  multi(commands: readonly (readonly unknown[])[] = []): ClusterTransaction {
    if (!Array.isArray(commands)) {
      throw new InvalidArgumentError(
        'commands',
        'multi() takes a list of commands; its options in ioredis have no place on a shared connection',
      );
    }
    return new ClusterTransaction(this.engine, this.policy).addBatch(commands);
  }

  /**
   * Runs a script by its hash, and whole where the server does not know it.
   * @param keys must share a slot
   * @throws CrossSlotError before anything is sent
   */
  async runScript(
    script: Script,
    keys: readonly (string | Buffer)[],
    args: readonly (string | Buffer | number)[],
    options: { buffers?: boolean } = {},
  ): Promise<Reply> {
    const [byHash, whole] = script.readOnly ? ['evalsha_ro', 'eval_ro'] : ['evalsha', 'eval'];
    const rest = [keys.length, ...keys, ...args];
    const buffers = options.buffers ?? false;
    try {
      return (await this.send(byHash, [script.sha, ...rest], buffers)) as Reply;
    } catch (error) {
      if (!(error instanceof ReplyError) || error.code !== 'NOSCRIPT') throw error;
      return (await this.send(whole, [script.lua, ...rest], buffers)) as Reply;
    }
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface ClusterView extends ClusterCommands {}

installCommands(ClusterView.prototype);
