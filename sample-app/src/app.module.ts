import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ClusterExceptionFilter, ClusterModule } from 'keyslot';
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
  providers: [{ provide: APP_FILTER, useClass: ClusterExceptionFilter }],
})
export class AppModule {}
