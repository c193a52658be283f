import { Controller, type MessageEvent, Param, Sse } from '@nestjs/common';
import { type Observable, interval, map, merge } from 'rxjs';
import { IdPipe } from '../http/id.pipe.js';
import { SaleNews } from './sale-news.js';

/** Below what proxies commonly allow a connection to be idle. */
const KEEP_ALIVE_MS = 20_000;

@Controller('sales/:saleId/events')
export class SaleEventsController {
  constructor(private readonly news: SaleNews) {}

  @Sse()
  async events(@Param('saleId', IdPipe) saleId: string): Promise<Observable<MessageEvent>> {
    const keepAlive$ = interval(KEEP_ALIVE_MS).pipe(map(() => ({ type: 'keep-alive', data: '' })));
    return merge(await this.news.of(saleId), keepAlive$);
  }
}
