import { Inject } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { HandlerHost } from './handler.js';
import { HANDLER_KINDS } from './handler-kinds.js';
import { readHandlerNames } from './handler-subscription.js';
import { type HandlerSubscription, type SubscriptionMetadata } from './decorators/subscription-metadata.js';

/**
 * Finds the names of a subscription, with what the module of its handler can inject.
 * @param handler its name, for the error
 * @throws InvalidArgumentError where a function gives none; what it throws; what Nest throws where it cannot inject
 */
export async function resolveNames(
  subscription: SubscriptionMetadata,
  host: HandlerHost,
  handler: string,
): Promise<HandlerSubscription> {
  const { kind, names, inject = [] } = subscription;
  const where = `${HANDLER_KINDS[kind].decorator} on ${handler}`;
  const given = typeof names === 'function' ? await callWithInjected(names, inject, host, where) : names;
  return { ...subscription, names: readHandlerNames(kind, given, where) };
}

/** Nest injects into classes only, and only so a function gets what the imports of its module offer. */
async function callWithInjected(
  names: (...injected: never[]) => unknown,
  inject: NonNullable<SubscriptionMetadata['inject']>,
  host: HandlerHost,
  where: string,
): Promise<unknown> {
  class Names {
    readonly given: unknown;
    constructor(...injected: unknown[]) {
      this.given = names(...(injected as never[]));
    }
  }
  // what Nest's own errors call it
  Object.defineProperty(Names, 'name', { value: where });
  inject.forEach((token, index) => Inject(token)(Names, undefined, index));
  const moduleRef: ModuleRef = host.host!.getProviderByKey<ModuleRef>(ModuleRef).instance;
  return (await moduleRef.create(Names)).given;
}
