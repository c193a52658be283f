import { Command } from './command.js';
import { NO_SLOT } from '../topology/key-slot.js';
import { PLAIN_SHAPES, type CallPolicy } from './call-policy.js';
import { unknownCommandRow } from '../command-table/command-table.js';
import { ReplyError } from '../common/errors.js';
import type { Reply } from '../protocol/reply.js';
import type { Argument } from '../protocol/request-encoder.js';

const CONTROL_ROW = unknownCommandRow('control', []);
const CONTROL_POLICY: CallPolicy = { readFrom: 'primary', deadlineMs: Infinity, retry: 'never' };

/** A command of the client itself, for one connection. It is never routed, redirected, or sent again. */
export class ControlCommand extends Command {
  readonly reply: Promise<Reply>;
  private resolve!: (reply: Reply) => void;
  private reject!: (error: Error) => void;

  constructor(name: string, args: readonly Argument[]) {
    super(
      { row: CONTROL_ROW, name, args: [...args], slot: NO_SLOT, size: 0 },
      PLAIN_SHAPES.strings,
      CONTROL_POLICY,
    );
    this.reply = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // callers that wait for the reply handle its error; waiting is optional
    this.reply.catch(() => {});
  }

  override get idempotent(): boolean {
    return false;
  }

  override get repeatable(): boolean {
    return true;
  }

  override receive(reply: Reply): void {
    if (reply instanceof ReplyError) this.fail(reply);
    else this.succeed(reply);
  }

  override lost(error: Error): void {
    this.fail(error);
  }

  /** Whoever asked says for what. */
  protected override inPlace(error: Error): Error {
    return error;
  }

  protected override resolved(reply: Reply): void {
    this.resolve(reply);
  }

  protected override rejected(error: Error): void {
    this.reject(error);
  }
}

/** ASKING, written right before a command that an ASK redirect sent here. Its own reply is ignored. */
export class AskingCommand extends ControlCommand {
  constructor() {
    super('ASKING', []);
  }
}
