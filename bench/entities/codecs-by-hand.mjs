/** What somebody writes who stores a line in a hash: the same texts that Keyslot stores. */
export function encodeLine({ sku, status, title, quantity, priceCents, gift, addedAt, shipTo }) {
  return {
    sku,
    status,
    title,
    quantity: String(quantity),
    priceCents: String(priceCents),
    gift: gift ? '1' : '0',
    addedAt: String(addedAt.getTime()),
    shipTo: JSON.stringify(shipTo),
  };
}

/** @returns the line; null where there is none */
export function decodeLine(orderId, id, hash) {
  if (hash.sku === undefined) return null;
  return {
    orderId,
    id,
    sku: hash.sku,
    status: hash.status,
    title: hash.title,
    quantity: Number(hash.quantity),
    priceCents: BigInt(hash.priceCents),
    gift: hash.gift === '1',
    addedAt: new Date(Number(hash.addedAt)),
    shipTo: JSON.parse(hash.shipTo),
  };
}
