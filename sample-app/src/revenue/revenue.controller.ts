import { Controller, Get } from '@nestjs/common';
import { type Revenue, RevenueService } from './revenue.service.js';

@Controller('revenue')
export class RevenueController {
  constructor(private readonly service: RevenueService) {}

  @Get()
  revenue(): Revenue {
    return this.service.revenue;
  }
}
