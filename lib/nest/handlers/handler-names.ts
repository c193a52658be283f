import { Inject } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Host } from '../common/hosts.js';
import { HANDLER_KINDS } from './handler-kinds.js';
import { readHandlerNames } from './handler-subscription.js';
import { type HandlerSubscription, type SubscriptionMetadata } from './decorators/subscription-metadata.js';

/**
 * Resolves the names of a subscription, calling their function with injected providers if there is one.
 * @param handler the handler's name, for the error
 * @throws InvalidArgumentError if the function returns no valid names; any error of the function; Nest's
 *   injection errors
 */
export async function resolveNames(
  subscription: SubscriptionMetadata,
  host: Host,
  handler: string,
): Promise<HandlerSubscription> {
  const { kind, names, inject = [] } = subscription;
  const where = `${HANDLER_KINDS[kind].decorator} on ${handler}`;
  const given = typeof names === 'function' ? await callWithInjected(names, inject, host, where) : names;
  return { ...subscription, names: readHandlerNames(kind, given, where) };
}

/** Nest injects into classes only, so the function is called in the constructor of a temporary class. */
async function callWithInjected(
  names: (...injected: never[]) => unknown,
  inject: NonNullable<SubscriptionMetadata['inject']>,
  host: Host,
  where: string,
): Promise<unknown> {
  class Names {
    readonly given: unknown;
    constructor(...injected: unknown[]) {
      this.given = names(...(injected as never[]));
    }
  }
  // the name that Nest's errors show
  Object.defineProperty(Names, 'name', { value: where });
  inject.forEach((token, index) => Inject(token)(Names, undefined, index));
  const moduleRef: ModuleRef = host.host!.getProviderByKey<ModuleRef>(ModuleRef).instance;
  return (await moduleRef.create(Names)).given;
}
