import {
  BadRequestException,
  Body,
  Controller,
  Get,
  HttpCode,
  HttpStatus,
  Logger,
  type MessageEvent,
  NotFoundException,
  Param,
  Post,
  Query,
  Sse,
} from '@nestjs/common';
import {
  type Observable,
  catchError,
  concatAll,
  defer,
  distinctUntilChanged,
  map,
  merge,
  of,
  retry,
  timer,
} from 'rxjs';
import { BodyPipe, type Fields } from '../http/body.pipe.js';
import { id, wholeNumber } from '../http/field.js';
import { IdPipe } from '../http/id.pipe.js';
import { SaleNews } from '../orders/sale-news.js';
import { SalesService } from '../sales/sales.service.js';
import { Crowd, type NewCrowd } from './crowd.js';
import { type DemoState, DemoStates } from './demo-state.js';

const NEW_CROWD: Fields<NewCrowd> = { buyers: wholeNumber(1, 5_000), seconds: wholeNumber(0, 60) };

const LOOK_MS = 250;
const AGAIN_MS = 1_000;

/** What the page needs beside the shop. */
@Controller('demo')
export class DemoController {
  private readonly logger = new Logger('Demo');

  constructor(
    private readonly states: DemoStates,
    private readonly news: SaleNews,
    private readonly sales: SalesService,
    private readonly crowd: Crowd,
  ) {}

  @Get()
  state(@Query('sale') saleId?: string): DemoState {
    return this.states.of(checkedId(saleId));
  }

  /**
   * `demo` when something has changed, and the news of a sale, in one stream: a browser has six connections for all
   * its tabs. It goes on through an outage.
   */
  @Sse('events')
  events(@Query('sale') saleId?: string): Observable<MessageEvent> {
    checkedId(saleId);
    const demo$ = timer(0, LOOK_MS).pipe(
      map(() => JSON.stringify(this.states.of(saleId))),
      distinctUntilChanged(),
      map((data) => ({ type: 'demo', data })),
    );
    return saleId === undefined ? demo$ : merge(demo$, this.newsOf(saleId));
  }

  /** Answers when the buyers are on their way. */
  @Post('sales/:saleId/buyers')
  @HttpCode(HttpStatus.ACCEPTED)
  async send(
    @Param('saleId', IdPipe) saleId: string,
    @Body(new BodyPipe(NEW_CROWD)) crowd: NewCrowd,
  ): Promise<DemoState> {
    await this.sales.find(saleId);
    this.crowd.send(saleId, crowd).catch((error: unknown) => this.logger.error(error));
    return this.states.of(saleId);
  }

  private newsOf(saleId: string): Observable<MessageEvent> {
    return defer(() => this.news.of(saleId)).pipe(
      concatAll<Observable<MessageEvent>>(),
      catchError((error: unknown) => {
        if (error instanceof NotFoundException) return of({ type: 'gone', data: error.message });
        throw error;
      }),
      retry({ delay: AGAIN_MS }),
    );
  }
}

function checkedId(saleId: string | undefined): string | undefined {
  if (saleId === undefined || id.fits(saleId)) return saleId;
  throw new BadRequestException([`sale must be ${id.expects}`]);
}
