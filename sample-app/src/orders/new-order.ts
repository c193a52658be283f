import type { Fields } from '../http/body.pipe.js';
import { id, text, wholeNumber } from '../http/field.js';

/** The body of `POST /sales/:saleId/orders`. */
export interface NewOrder {
  /** Chosen by the buyer's side, which sends it again when it is not sure that the order arrived. */
  orderId: string;
  buyer: string;
  quantity: number;
}

export const NEW_ORDER: Fields<NewOrder> = {
  orderId: id,
  buyer: text(100),
  quantity: wholeNumber(1, 10),
};
