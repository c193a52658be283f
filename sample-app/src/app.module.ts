import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ClusterModule } from 'keyslot';
import { ClusterErrorFilter } from './http/cluster-error.filter.js';
import { OrdersModule } from './orders/orders.module.js';
import { PageModule } from './page/page.module.js';
import { RevenueModule } from './revenue/revenue.module.js';
import { SalesModule } from './sales/sales.module.js';

@Module({
  imports: [
    // The nodes come from REDIS_CLUSTER_NODES. A buyer would rather hear soon that it did not work.
    ClusterModule.forRoot({ deadlineMs: 3_000 }),
    SalesModule,
    OrdersModule,
    RevenueModule,
    PageModule,
  ],
  providers: [{ provide: APP_FILTER, useClass: ClusterErrorFilter }],
})
export class AppModule {}
