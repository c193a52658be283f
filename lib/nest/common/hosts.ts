import type { DiscoveryService } from '@nestjs/core';

/** Nest's wrapper of a provider or controller. */
export type Host = ReturnType<DiscoveryService['getProviders']>[number];

/** Returns all providers and controllers of an application, each instance once even if several tokens provide it. */
export function hostsIn(discovery: DiscoveryService): Host[] {
  const hosts = new Map<unknown, Host>();
  for (const host of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const { instance } = host;
    if (instance && !host.isAlias && !hosts.has(instance)) hosts.set(instance, host);
  }
  return [...hosts.values()];
}
