/** Lines of orders, as plain objects: what every peer stores, each in its own way. A line lives in its order's partition. */
const PREFIX = 'bench';

/** So many orders, of so many lines. */
const SIZES = {
  /** Lines that are saved, patched and found by their keys. */
  pool: { orders: 20, lines: 50 },
  /** Lines that are found by their status, all of an order. */
  found: { orders: 4, lines: 100 },
  /** Lines that are changed two by two. */
  pairs: { orders: 200, lines: 2 },
};

/** A line: `sku` is unique in its order, `status` is indexed. */
export function lineOf(orderId, number) {
  return {
    orderId,
    id: `line-${number}`,
    sku: `sku-${orderId}-${number}`,
    status: 'open',
    title: 'A dozen pencils, soft, with a rubber at their end',
    quantity: number % 17,
    priceCents: 1_250n + BigInt(number),
    gift: number % 3 === 0,
    addedAt: new Date(1_700_000_000_000 + (number % 1_000_000) * 1_000),
    shipTo: { street: '12 Analytical Row', city: 'London' },
  };
}

/** What is there before anything is measured. @returns {Record<keyof typeof SIZES, object[]>} */
export function initialLines() {
  return Object.fromEntries(
    Object.entries(SIZES).map(([name, { orders, lines }]) => [
      name,
      Array.from({ length: orders * lines }, (_, i) => lineOf(`${PREFIX}-${name}-${i % orders}`, i)),
    ]),
  );
}

/** A line that nobody has inserted yet, of one of fifty orders. */
export function newLine(number) {
  return lineOf(`${PREFIX}-new-${number % 50}`, number);
}

/** Changes an indexed property and another. @returns the status before */
export function change(line) {
  const before = line.status;
  line.status = before === 'open' ? 'packed' : 'open';
  line.quantity++;
  return before;
}
