import type { Argument } from '../../cluster/protocol/request-encoder.js';
import type { Steps } from './steps.js';

/**
 * Executes a command whose keys are in several slots. The arguments are those of the command. With `buffers`,
 * strings in the result are Buffers.
 */
export type Recipe = (steps: Steps, args: readonly Argument[], buffers: boolean) => Promise<unknown>;

/** Returns a reply that was read as a Buffer in the form the caller wants. */
export function inForm(value: Buffer, buffers: boolean): Buffer | string {
  return buffers ? value : value.toString();
}
