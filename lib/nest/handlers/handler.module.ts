import { Module } from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { ClusterHandlers } from './cluster-handlers.js';
import { HandlerExplorer } from './handler.explorer.js';
import { HandlerInvoker } from './handler.invoker.js';
import { HandlerLoader } from './handler.loader.js';

/**
 * The handlers of an application. They use what other modules provide, so they begin after every other module has
 * started, and end before any other is torn down.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [ClusterHandlers, HandlerExplorer, HandlerInvoker, HandlerLoader],
  exports: [ClusterHandlers],
})
export class HandlerModule {
  constructor(modules: ModulesContainer) {
    // Nest starts modules by their distance from the root, the farthest first, and tears them down in reverse. It sets
    // the distances before it makes instances, and reads them after that.
    for (const module of modules.values()) {
      if (module.metatype === HandlerModule) module.distance = Number.NEGATIVE_INFINITY;
    }
  }
}
