import { Module } from '@nestjs/common';
import { ClusterModule } from 'keyslot';
import { Sale } from './sale.entity.js';
import { SalesController } from './sales.controller.js';
import { SalesService } from './sales.service.js';

@Module({
  imports: [ClusterModule.forFeature([Sale])],
  controllers: [SalesController],
  providers: [SalesService],
  exports: [SalesService],
})
export class SalesModule {}
