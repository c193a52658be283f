import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { resolveNames } from './handler-names.js';
import { subscriptionsOf } from './decorators/subscription-metadata.js';
import type { Handler, HandlerHost } from './handler.js';

/** Finds the handlers of an application. */
@Injectable()
export class HandlerExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /**
   * Returns the handlers of all providers and controllers.
   * @param excluded instances whose handlers are left out
   * @throws if the names of a subscription cannot be resolved
   */
  async explore(excluded: ReadonlySet<unknown>): Promise<Handler[]> {
    const hosts = this.hosts().filter(({ instance }) => !excluded.has(instance));
    return (await Promise.all(hosts.map((host) => this.handlersOf(host)))).flat();
  }

  /** All providers and controllers, each instance once even if several tokens provide it. */
  private hosts(): HandlerHost[] {
    const hosts = new Map<unknown, HandlerHost>();
    for (const host of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const { instance } = host;
      if (instance && !host.isAlias && !hosts.has(instance)) hosts.set(instance, host);
    }
    return [...hosts.values()];
  }

  private handlersOf(host: HandlerHost): Promise<Handler[]> {
    const prototype = Object.getPrototypeOf(host.instance);
    const methods = this.scanner
      .getAllMethodNames(prototype)
      .filter((method) => subscriptionsOf(prototype[method]).length > 0);
    return Promise.all(
      methods.map(async (method) => {
        const name = `${prototype.constructor.name}.${method}`;
        const named = subscriptionsOf(prototype[method]).map((each) => resolveNames(each, host, name));
        return { host, method, name, subscriptions: await Promise.all(named) };
      }),
    );
  }
}
