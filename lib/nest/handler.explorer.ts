import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { subscriptionsOf, type SubscribeMetadata } from './subscribe.decorator.js';

/** What Nest knows of a provider or controller. */
export type HandlerHost = ReturnType<DiscoveryService['getProviders']>[number];

/** A method with `@Subscribe` on it. */
export interface Handler {
  readonly host: HandlerHost;
  readonly method: string;
  /** `OrderEvents.onPlaced`, for the log. */
  readonly name: string;
  readonly subscriptions: readonly SubscribeMetadata[];
}

/** Finds the handlers of an application. */
@Injectable()
export class HandlerExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** Every handler of every provider and controller. */
  explore(): Handler[] {
    return this.hosts().flatMap((host) => this.handlersOf(host));
  }

  /** All that has methods, each instance once, under however many tokens it is provided. */
  private hosts(): HandlerHost[] {
    const hosts = new Map<unknown, HandlerHost>();
    for (const host of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const { instance } = host;
      if (instance && !host.isAlias && !hosts.has(instance)) hosts.set(instance, host);
    }
    return [...hosts.values()];
  }

  private handlersOf(host: HandlerHost): Handler[] {
    const prototype = Object.getPrototypeOf(host.instance);
    return this.scanner.getAllMethodNames(prototype).flatMap((method) => {
      const subscriptions = subscriptionsOf(prototype[method]);
      return subscriptions.length === 0
        ? []
        : [{ host, method, name: `${prototype.constructor.name}.${method}`, subscriptions }];
    });
  }
}
