import { Body, Controller, Get, HttpStatus, Param, Post, Res } from '@nestjs/common';
import { BodyPipe } from '../http/body.pipe.js';
import { IdPipe } from '../http/id.pipe.js';
import { NEW_ORDER, type NewOrder } from './new-order.js';
import { type OrderItemView, type OrderView, orderItemView, orderView } from './order-view.js';
import { OrdersService } from './orders.service.js';

/** How many orders a list shows. */
const NEWEST = 20;

@Controller('sales/:saleId/orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  /** 201 for a new order, 200 for one that was placed before. */
  @Post()
  async place(
    @Param('saleId', IdPipe) saleId: string,
    @Body(new BodyPipe(NEW_ORDER)) wanted: NewOrder,
    @Res({ passthrough: true }) response: { status(code: HttpStatus): unknown },
  ): Promise<OrderView> {
    const { order, isNew } = await this.orders.place(saleId, wanted);
    response.status(isNew ? HttpStatus.CREATED : HttpStatus.OK);
    return orderView(order);
  }

  /** The newest first. */
  @Get()
  async newest(@Param('saleId', IdPipe) saleId: string): Promise<OrderView[]> {
    return (await this.orders.newest(saleId, NEWEST)).map(orderView);
  }

  @Get(':orderId')
  async find(
    @Param('saleId', IdPipe) saleId: string,
    @Param('orderId', IdPipe) orderId: string,
  ): Promise<OrderView & { items: OrderItemView[] }> {
    const { order, items } = await this.orders.find(saleId, orderId);
    return { ...orderView(order), items: items.map(orderItemView) };
  }
}
