import { Module } from '@nestjs/common';
import { ClusterModule } from 'keyslot';
import { Sale } from '../sales/sale.entity.js';
import { SalesModule } from '../sales/sales.module.js';
import { OrderEvents } from './order-events.js';
import { OrderItem } from './order-item.entity.js';
import { Order } from './order.entity.js';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';
import { SaleEventsController } from './sale-events.controller.js';
import { SaleEventsGateway } from './sale-events.gateway.js';
import { SaleNews } from './sale-news.js';

@Module({
  imports: [SalesModule, ClusterModule.forFeature([Sale, Order, OrderItem])],
  controllers: [OrdersController, SaleEventsController],
  providers: [OrdersService, OrderEvents, SaleNews, SaleEventsGateway],
  exports: [OrdersService, SaleNews],
})
export class OrdersModule {}
