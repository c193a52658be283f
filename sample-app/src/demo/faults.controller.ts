import { Body, Controller, HttpCode, HttpStatus, Param, Post } from '@nestjs/common';
import { BodyPipe, type Fields } from '../http/body.pipe.js';
import { oneOf } from '../http/field.js';
import { IdPipe } from '../http/id.pipe.js';
import { FAULT_NAMES, type FaultName, FaultsService, type FaultsState } from './faults.service.js';

const NEW_FAULT: Fields<{ fault: FaultName }> = { fault: oneOf(FAULT_NAMES) };

/** Only where `npm start` owns the cluster. */
@Controller('demo')
export class FaultsController {
  constructor(private readonly faults: FaultsService) {}

  @Post('sales/:saleId/faults')
  @HttpCode(HttpStatus.OK)
  async make(
    @Param('saleId', IdPipe) saleId: string,
    @Body(new BodyPipe(NEW_FAULT)) { fault }: { fault: FaultName },
  ): Promise<FaultsState> {
    await this.faults.make(fault, saleId);
    return this.faults.state;
  }

  @Post('processes')
  async openProcess(): Promise<FaultsState> {
    await this.faults.openProcess();
    return this.faults.state;
  }
}
