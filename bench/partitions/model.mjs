/** An order and its items, decorated by hand: this file is not compiled. */
import {
  ClusterEntity,
  HasMany,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Unique,
} from '../../dist/index.js';

export class Order {
  id;
}
PrimaryKey({ type: String })(Order.prototype, 'id');
HasMany(() => Item)(Order.prototype, 'items');
ClusterEntity({ name: 'Order' })(Order);

/** An item with a unique constraint and an index. */
export class Item {
  id;
}
PartitionKey({ type: String })(Item.prototype, 'orderId');
PrimaryKey({ type: Number })(Item.prototype, 'id');
Property(String)(Item.prototype, 'sku');
Unique()(Item.prototype, 'sku');
Property(String)(Item.prototype, 'status');
Index()(Item.prototype, 'status');
Property(String)(Item.prototype, 'title');
ClusterEntity({ name: 'Item', partition: () => Order })(Item);
