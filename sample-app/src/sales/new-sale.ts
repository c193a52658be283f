import type { Fields } from '../http/body.pipe.js';
import { text, wholeNumber } from '../http/field.js';

/** The body of `POST /sales`. */
export interface NewSale {
  title: string;
  priceCents: number;
  stock: number;
}

// Price times stock stays a number that JSON can hold.
export const NEW_SALE: Fields<NewSale> = {
  title: text(100),
  priceCents: wholeNumber(0, 100_000_000),
  stock: wholeNumber(1, 1_000_000),
};
