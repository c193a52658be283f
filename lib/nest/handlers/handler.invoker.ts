import { Injectable } from '@nestjs/common';
import {
  ContextIdFactory,
  ExternalContextCreator,
  ModuleRef,
  ModulesContainer,
  type ContextId,
} from '@nestjs/core';
import { lastValueFrom, isObservable } from 'rxjs';
import type { ClusterMessage } from '../../pubsub/subscriptions/cluster-message.js';
import { CLUSTER_MESSAGE_CONTEXT } from './decorators/cluster-message-context.js';
import { withRequestSemantics, type ExceptionHandling } from './handler-filters.js';
import type { Handler } from './handler.js';
import { PARAMS_METADATA, messageParams } from './decorators/message-params.decorator.js';

/** Handles one message; rejects with the error of the handler, or of a guard, pipe, interceptor or filter. */
export type HandlerCall = (message: ClusterMessage) => Promise<unknown>;

/** Creates calls of handlers, with guards, interceptors, pipes and filters applied. */
@Injectable()
export class HandlerInvoker {
  private readonly contexts: ExternalContextCreator;

  constructor(contexts: ExternalContextCreator, modules: ModulesContainer) {
    // Nest looks for a handler's module among those that provide its class, and finds none for a controller. It would then
    // silently skip guards and other enhancers that are given by class.
    const getContextModuleKey: ExternalContextCreator['getContextModuleKey'] = (type) =>
      contexts.getContextModuleKey(type) || (type && moduleKeyOfController(modules, type)) || '';
    const { filtersContextCreator } = contexts as unknown as NestInternals;
    const filters: FiltersCreator = {
      create: (...of) => withRequestSemantics(filtersContextCreator.create(...of)),
    };
    this.contexts = Object.create(contexts, {
      getContextModuleKey: { value: getContextModuleKey },
      filtersContextCreator: { value: filters },
      transformToResult: { value: toPromise },
    });
  }

  createCall(handler: Handler): HandlerCall {
    const { host } = handler;
    const isShared = host.isDependencyTreeStatic() && !host.isTransient;
    if (!isShared) return this.createCallPerMessage(handler);
    const call = this.createContextCall(handler, host.instance);
    return (message) => call(message.payload, message);
  }

  /** For request-scoped and transient handlers, and those that depend on one: creates an instance per message. */
  private createCallPerMessage(handler: Handler): HandlerCall {
    const { host } = handler;
    const moduleRef: ModuleRef = host.host!.getProviderByKey<ModuleRef>(ModuleRef).instance;
    return async (message) => {
      const contextId = ContextIdFactory.getByRequest(message);
      moduleRef.registerRequestByContextId(message, contextId);
      const instance = await moduleRef.resolve(host.token as string, contextId, { strict: true });
      return this.createContextCall(handler, instance, contextId)(message.payload, message);
    };
  }

  private createContextCall({ host, method }: Handler, instance: HandlerInstance, contextId?: ContextId) {
    return this.contexts.create(
      instance,
      instance[method],
      method,
      PARAMS_METADATA,
      messageParams,
      contextId,
      contextId && host.id,
      undefined,
      CLUSTER_MESSAGE_CONTEXT,
    );
  }
}

/** Finds the filters of a handler. */
interface FiltersCreator {
  create(...of: unknown[]): ExceptionHandling;
}

/** A private property of ExternalContextCreator. */
interface NestInternals {
  readonly filtersContextCreator: FiltersCreator;
}

type HandlerInstance = Record<string, (...args: unknown[]) => unknown>;

function moduleKeyOfController(modules: ModulesContainer, type: object): string | undefined {
  for (const [key, module] of modules) if (module.controllers.has(type as never)) return key;
  return undefined;
}

/** Nest treats an observable that ends without a value as an error; for a message it is a valid result. */
async function toPromise(result: unknown): Promise<unknown> {
  return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
}
