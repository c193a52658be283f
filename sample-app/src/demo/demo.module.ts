import { type DynamicModule, Module } from '@nestjs/common';
import { OrdersModule } from '../orders/orders.module.js';
import { SalesModule } from '../sales/sales.module.js';
import { ClusterMapper } from './cluster-map.js';
import { Crowd } from './crowd.js';
import { DemoStates } from './demo-state.js';
import { DemoController } from './demo.controller.js';
import { Doors } from './doors.js';
import { FaultsController } from './faults.controller.js';
import { FaultsService } from './faults.service.js';
import { SaleAudit } from './sale-audit.js';
import { STAGE, type Stage } from './stage.js';

/** What shows the shop at work: a view of the cluster, and buyers. */
@Module({
  imports: [SalesModule, OrdersModule],
  controllers: [DemoController],
  providers: [ClusterMapper, Crowd, DemoStates, Doors, SaleAudit],
})
export class DemoModule {
  /** With the means to break the cluster, which is then ours to break. */
  static on(stage: Stage): DynamicModule {
    return {
      module: DemoModule,
      controllers: [FaultsController],
      providers: [{ provide: STAGE, useValue: stage }, FaultsService],
    };
  }
}
