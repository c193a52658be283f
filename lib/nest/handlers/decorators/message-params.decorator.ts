import { assignMetadata, type PipeTransform, type Type } from '@nestjs/common';
import type { ParamsFactory } from '@nestjs/core';
import { InvalidArgumentError } from '../../../cluster/common/errors.js';
import type { ClusterMessage } from '../../../pubsub/subscriptions/cluster-message.js';

type Pipe = Type<PipeTransform> | PipeTransform;

/** The metadata key of Nest's parameter decorators, which its entry points do not export. */
export const PARAMS_METADATA = '__routeArguments__';

/**
 * The kinds of parameters, as the numbers under which Nest stores them. Pipes see 3 as a `body` and any other
 * number as `custom`, which `ValidationPipe` skips.
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

/** Computes the parameters of a handler from its arguments. */
export const messageParams: ParamsFactory = {
  exchangeKeyForValue: (type: number, _data, [payload, message]: [unknown, ClusterMessage]): unknown =>
    VALUES[type]?.(payload, message),
};

/** Injects the payload into a handler's parameter; for `@KeyspaceEvent`, the event. Pipes apply to it. */
export const Payload = (...pipes: Pipe[]): ParameterDecorator => param(PAYLOAD, pipes);

/** Injects the name of the channel into a handler's parameter; for `@KeyspaceEvent`, the key. */
export const Channel = (...pipes: Pipe[]): ParameterDecorator => param(CHANNEL, pipes);

/**
 * Injects the pattern that matched into a handler's parameter; undefined for a subscription without patterns.
 */
export const Pattern = (...pipes: Pipe[]): ParameterDecorator => param(PATTERN, pipes);

/** Injects the whole `ClusterMessage` into a handler's parameter. */
export const Message = (...pipes: Pipe[]): ParameterDecorator => param(MESSAGE, pipes);

function param(type: number, pipes: Pipe[]): ParameterDecorator {
  return (target, method, index) => {
    if (method === undefined || typeof index !== 'number' || typeof target === 'function') {
      throw new InvalidArgumentError(
        NAMES[type],
        `${NAMES[type]} can only decorate a parameter of an instance method`,
      );
    }
    const handlers = target.constructor;
    const known = Reflect.getOwnMetadata(PARAMS_METADATA, handlers, method) ?? {};
    const metadata = assignMetadata(known, type, index, undefined, ...pipes);
    Reflect.defineMetadata(PARAMS_METADATA, metadata, handlers, method);
  };
}
