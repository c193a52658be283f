import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ClusterRegistry } from './client/cluster-registry.js';
import { HandlerModule } from './handlers/handler.module.js';
import { SubscriberLoader } from './subscribers/subscriber.loader.js';

/**
 * The providers that an application has once, for any number of clusters. It is global, so clients connect
 * before all other modules start and close after all others have ended.
 */
@Global()
@Module({
  imports: [DiscoveryModule, HandlerModule],
  providers: [ClusterRegistry, SubscriberLoader],
  exports: [ClusterRegistry, SubscriberLoader, HandlerModule],
})
export class ClusterApplicationModule {}
