import type { ChainableCommander, Redis } from 'ioredis';
import type { Argument } from '../protocol/request-encoder.js';

/** Calls a command by its name on an ioredis client, or queues it on a batch of one. */
export function callByName<Target extends Redis | ChainableCommander>(
  target: Target,
  { name, args }: { readonly name: string; readonly args: Argument[] },
  buffers: boolean,
): ReturnType<Target['call']> {
  // ioredis looks names up in plain objects, and finds those of Object.prototype; servers ignore the case
  const known = name in Object.prototype ? name.toUpperCase() : name;
  return (buffers ? target.callBuffer(known, args) : target.call(known, args)) as ReturnType<Target['call']>;
}
