import { assignMetadata, type PipeTransform, type Type } from '@nestjs/common';
import type { ParamsFactory } from '@nestjs/core';
import { InvalidArgumentError } from '../../../cluster/common/errors.js';
import type { ClusterMessage } from '../../../pubsub/subscriptions/cluster-message.js';

type Pipe = Type<PipeTransform> | PipeTransform;

/** Where Nest keeps what parameter decorators say; the name is exported by neither of its root entry points. */
export const PARAMS_METADATA = '__routeArguments__';

/**
 * What a parameter can be filled with, by the number Nest keeps it under. Pipes learn of 3 as a `body` and of any other
 * as `custom`, which `ValidationPipe` passes over.
 */
const PAYLOAD = 3;
const CHANNEL = 100;
const MESSAGE = 101;
const PATTERN = 102;

const VALUES: Readonly<Record<number, (payload: unknown, message: ClusterMessage) => unknown>> = {
  [PAYLOAD]: (payload) => payload,
  [CHANNEL]: (_payload, message) => message.channel,
  [MESSAGE]: (_payload, message) => message,
  [PATTERN]: (_payload, message) => message.pattern,
};

const NAMES: Readonly<Record<number, string>> = {
  [PAYLOAD]: '@Payload()',
  [CHANNEL]: '@Channel()',
  [MESSAGE]: '@Message()',
  [PATTERN]: '@Pattern()',
};

/** Reads parameters from a handler's arguments. */
export const messageParams: ParamsFactory = {
  exchangeKeyForValue: (type: number, _data, [payload, message]: [unknown, ClusterMessage]): unknown =>
    VALUES[type]?.(payload, message),
};

/** Fills a handler's parameter with what was published; for `@KeyspaceEvent`, with the event. */
export const Payload = (...pipes: Pipe[]): ParameterDecorator => param(PAYLOAD, pipes);

/** Fills a handler's parameter with the name of the channel; for `@KeyspaceEvent`, with the key. */
export const Channel = (...pipes: Pipe[]): ParameterDecorator => param(CHANNEL, pipes);

/** Fills a handler's parameter with the pattern that let the message through; undefined where none was subscribed to. */
export const Pattern = (...pipes: Pipe[]): ParameterDecorator => param(PATTERN, pipes);

/** Fills a handler's parameter with the whole `ClusterMessage`. */
export const Message = (...pipes: Pipe[]): ParameterDecorator => param(MESSAGE, pipes);

function param(type: number, pipes: Pipe[]): ParameterDecorator {
  return (target, method, index) => {
    if (method === undefined || typeof index !== 'number' || typeof target === 'function') {
      throw new InvalidArgumentError(
        NAMES[type],
        `${NAMES[type]} stands on parameters of methods of an instance only`,
      );
    }
    const handlers = target.constructor;
    const known = Reflect.getOwnMetadata(PARAMS_METADATA, handlers, method) ?? {};
    const metadata = assignMetadata(known, type, index, undefined, ...pipes);
    Reflect.defineMetadata(PARAMS_METADATA, metadata, handlers, method);
  };
}
