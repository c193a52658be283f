import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ClusterHandlers } from './cluster-handlers.js';
import { ClusterRegistry } from './cluster-registry.js';
import { HandlerExplorer } from './handler.explorer.js';
import { HandlerInvoker } from './handler.invoker.js';
import { HandlerLoader } from './handler.loader.js';

/** What an application has once, however many clusters it uses. Global, so that its hooks run before all others. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [ClusterHandlers, ClusterRegistry, HandlerExplorer, HandlerInvoker, HandlerLoader],
  exports: [ClusterHandlers, ClusterRegistry],
})
export class ClusterApplicationModule {}
