import { ClusterEntity, type EntityRegistry, EntitySubscriber, PrimaryKey, Property } from 'keyslot';

abstract class Dated {
  @Property() note?: string;
}

@ClusterEntity({ name: 'Order' })
class Order extends Dated {
  @PrimaryKey() id!: string;
  @Property() total!: number;
}

@ClusterEntity({ name: 'Buyer' })
class Buyer {
  @PrimaryKey() id!: string;
  @Property() email!: string;
}

@EntitySubscriber(Order)
export class Right {
  beforeInsert(order: Order): void {
    order.total = 1;
  }
  async afterInsert({ id }: Order): Promise<string> {
    return id;
  }
  afterLoad(): void {}
  helper(): void {}
}

@EntitySubscriber(Dated)
@EntitySubscriber(Order, { cluster: 'second' })
export class OfParent {
  beforeInsert(dated: Dated): void {
    dated.note = 'x';
  }
}

// @ts-expect-error the method is for another class
@EntitySubscriber(Order)
export class OfAnother {
  beforeInsert(buyer: Buyer): void {
    buyer.email = '';
  }
}

// @ts-expect-error the method is for one of the classes that extend the parent
@EntitySubscriber(Dated)
export class TooNarrow {
  beforeInsert(order: Order): void {
    order.total = 1;
  }
}

// @ts-expect-error no event calls the method
@EntitySubscriber(Order)
export class Misspelled {
  beforeinsert(): void {}
}

// @ts-expect-error there is no such option
@EntitySubscriber(Order, { clusterName: 'second' })
export class WrongOption {
  afterLoad(): void {}
}

export function registryCalls(registry: EntityRegistry): void {
  const end: () => void = registry.subscribe(Order, { afterInsert: (order) => order.total.toFixed() });
  end();
  registry.subscribe(Dated, { beforeInsert: (dated) => void (dated.note = 'x') });
  // @ts-expect-error an order has no email
  registry.subscribe(Order, { afterInsert: (order) => order.email });
  // @ts-expect-error no event calls the method
  registry.subscribe(Order, { afterSave: () => {} });
}
