import { HttpException } from '@nestjs/common';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type WsResponse,
} from '@nestjs/websockets';
import { ClusterError } from 'keyslot';
import { type Observable, catchError, map } from 'rxjs';
import { id } from '../http/field.js';
import { SaleNews } from './sale-news.js';

/** The same news by Socket.IO: `follow` a sale, and hear `sale` and `order` until the socket is gone. */
@WebSocketGateway()
export class SaleEventsGateway {
  constructor(private readonly news: SaleNews) {}

  @SubscribeMessage('follow')
  async follow(@MessageBody() saleId: unknown): Promise<Observable<WsResponse>> {
    if (!id.fits(saleId)) throw new WsException(`The sale must be ${id.expects}`);
    const news$ = await this.news.of(saleId).catch(refuse);
    return news$.pipe(
      map(({ type, data }) => ({ event: type, data })),
      catchError(refuse),
    );
  }
}

/** What is a status to a request is a word to a socket. */
function refuse(error: unknown): never {
  if (error instanceof HttpException) throw new WsException(error.message);
  if (error instanceof ClusterError) throw new WsException('Not possible just now. Try again');
  throw error;
}
