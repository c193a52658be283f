import type { Argument } from '../../cluster/protocol/request-encoder.js';
import type { Steps } from './steps.js';

/**
 * How a command is carried out where its keys are in several slots. The arguments are those of the command;
 * `buffers` asks for Buffers in the place of strings.
 */
export type Recipe = (steps: Steps, args: readonly Argument[], buffers: boolean) => Promise<unknown>;

/** A reply that was read as a Buffer, in the form that the caller wants. */
export function inForm(value: Buffer, buffers: boolean): Buffer | string {
  return buffers ? value : value.toString();
}
