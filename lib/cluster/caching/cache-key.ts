import type { CallShape } from '../command/call-policy.js';
import type { Argument } from '../protocol/request-encoder.js';

// oxlint-disable-next-line no-control-regex -- every character beyond ASCII
const BEYOND_ASCII = /[^\u0000-\u007f]/;

/** Whether a text is the same as its bytes, one character a byte. */
export function isAscii(text: string): boolean {
  return !BEYOND_ASCII.test(text);
}

/** Returns the bytes of an argument as text, one character a byte, so that a string and its Buffer are the same. */
export function bytesAsText(argument: Argument): string {
  if (typeof argument !== 'string') return argument.toString('latin1');
  return isAscii(argument) ? argument : Buffer.from(argument).toString('latin1');
}

/**
 * Returns what tells the reads of one key apart: the command, its other arguments, and the form of the reply. Text and
 * Buffers are not the same here, so that nothing has to be encoded to find a reply.
 * @param at the index of the key
 */
export function signatureOf(name: string, args: readonly Argument[], at: number, shape: CallShape): string {
  if (args.length === 1 && !shape.buffers && shape.native === undefined) return name;
  let signature = `${name}${shape.buffers ? ' b' : ' s'}${shape.native === undefined ? '' : 't'}`;
  for (let i = 0; i < args.length; i++) {
    if (i === at) continue;
    const argument = args[i];
    signature +=
      typeof argument === 'string'
        ? ` ${argument.length}:${argument}`
        : ` b${argument.length}:${argument.toString('latin1')}`;
  }
  return signature;
}
