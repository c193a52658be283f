import { Module } from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { ClusterHandlers } from './cluster-handlers.js';
import { HandlerExplorer } from './handler.explorer.js';
import { HandlerInvoker } from './handler.invoker.js';
import { HandlerLoader } from './handler.loader.js';

/**
 * The handlers of an application. They depend on other modules, so they start after every other module and
 * stop before any other module is destroyed.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [ClusterHandlers, HandlerExplorer, HandlerInvoker, HandlerLoader],
  exports: [ClusterHandlers],
})
export class HandlerModule {
  constructor(modules: ModulesContainer) {
    // Nest starts modules by their distance from the root, the farthest first, and destroys them in reverse. It sets the
    // distances before it creates instances, and reads them afterwards.
    for (const module of modules.values()) {
      if (module.metatype === HandlerModule) module.distance = Number.NEGATIVE_INFINITY;
    }
  }
}
