import { ConflictException, HttpStatus } from '@nestjs/common';

/** There are fewer pieces left than were ordered. */
export class SoldOutException extends ConflictException {
  constructor(left: number) {
    super(conflict('SOLD_OUT', left === 0 ? 'Sold out' : `Only ${left} left`));
  }
}

/** There is another order of this id: of somebody else, or of another quantity. */
export class OrderIdTakenException extends ConflictException {
  constructor(orderId: string) {
    super(conflict('ORDER_ID_TAKEN', `There is another order with the id ${orderId}`));
  }
}

const conflict = (code: string, message: string) => ({ statusCode: HttpStatus.CONFLICT, code, message });
