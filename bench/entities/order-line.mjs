// Decorators are called as functions: this file is not compiled.
function decorate(type, decorators) {
  for (const [property, list] of Object.entries(decorators)) {
    for (const decorator of list) decorator(type.prototype, property);
  }
}

/**
 * The classes of the lines and their orders.
 * @param {object} build the build whose decorators they have
 */
export function orderClasses({ ClusterEntity, Embedded, Index, PartitionKey, PrimaryKey, Property, Unique }) {
  class Address {
    street;
    city;
  }
  decorate(Address, { street: [Property(String)], city: [Property(String)] });

  class Order {
    id;
    note;
  }
  decorate(Order, { id: [PrimaryKey({ type: String })], note: [Property(String)] });
  ClusterEntity({ name: 'Order' })(Order);

  class OrderLine {
    orderId;
    id;
    sku;
    status;
    title;
    quantity;
    priceCents;
    gift;
    addedAt;
    shipTo;
  }
  decorate(OrderLine, {
    orderId: [PartitionKey({ type: String })],
    id: [PrimaryKey({ type: String })],
    sku: [Property(String), Unique()],
    status: [Property(String), Index()],
    title: [Property(String)],
    quantity: [Property(Number)],
    priceCents: [Property(BigInt)],
    gift: [Property(Boolean)],
    addedAt: [Property(Date)],
    shipTo: [Embedded(() => Address)],
  });
  ClusterEntity({ name: 'OrderLine', partition: () => Order })(OrderLine);
  return { Order, OrderLine };
}
