import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { type Host, hostsIn } from '../common/hosts.js';
import { resolveNames } from './handler-names.js';
import { changesFollowedBy } from './decorators/on-change.decorator.js';
import { subscriptionsOf } from './decorators/subscription-metadata.js';
import type { Handler } from './handler.js';

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
    const hosts = hostsIn(this.discovery).filter(({ instance }) => !excluded.has(instance));
    return (await Promise.all(hosts.map((host) => this.handlersOf(host)))).flat();
  }

  private handlersOf(host: Host): Promise<Handler[]> {
    const prototype = Object.getPrototypeOf(host.instance);
    const methods = this.scanner
      .getAllMethodNames(prototype)
      .filter(
        (method) =>
          subscriptionsOf(prototype[method]).length + changesFollowedBy(prototype[method]).length > 0,
      );
    return Promise.all(
      methods.map(async (method) => {
        const name = `${prototype.constructor.name}.${method}`;
        const named = subscriptionsOf(prototype[method]).map((each) => resolveNames(each, host, name));
        const changes = changesFollowedBy(prototype[method]);
        return { host, method, name, subscriptions: await Promise.all(named), changes };
      }),
    );
  }
}
