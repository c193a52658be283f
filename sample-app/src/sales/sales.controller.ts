import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { BodyPipe } from '../http/body.pipe.js';
import { IdPipe } from '../http/id.pipe.js';
import { NEW_SALE, type NewSale } from './new-sale.js';
import { type SaleView, saleView } from './sale-view.js';
import { type SalePlace, SalesService } from './sales.service.js';

@Controller('sales')
export class SalesController {
  constructor(private readonly sales: SalesService) {}

  @Post()
  async open(@Body(new BodyPipe(NEW_SALE)) sale: NewSale): Promise<SaleView> {
    return saleView(await this.sales.open(sale));
  }

  @Get(':saleId')
  async find(@Param('saleId', IdPipe) saleId: string): Promise<SaleView> {
    return saleView(await this.sales.find(saleId));
  }

  /** For whoever wants to see the cluster at work. */
  @Get(':saleId/place')
  place(@Param('saleId', IdPipe) saleId: string): SalePlace {
    return this.sales.place(saleId);
  }
}
