import { checkOptionNames } from '../../cluster/common/check-option-names.js';
import {
  type EntitySubscriberMethods,
  type SubscribedClass,
  checkSubscribedClass,
} from '../../entity/schema/entity-subscriber.js';
import { DEFAULT_CLUSTER } from '../common/cluster.tokens.js';
import { checkClusterName } from '../common/module-checks.js';
import { CircularImportError } from '../common/module-errors.js';

/** Options of `@EntitySubscriber`. */
export interface EntitySubscriberOptions {
  /** The name of the cluster whose entities the subscriber sees. Default `'default'`. */
  cluster?: string | undefined;
}

/** What one `@EntitySubscriber` declares. */
export interface EntitySubscription {
  readonly entity: SubscribedClass;
  readonly cluster: string;
}

const subscriptions = new WeakMap<object, EntitySubscription[]>();

/**
 * Subscribes a provider to writes and loads of the entities of a class. Its methods are named like the hooks of
 * entities, `beforeInsert` to `afterLoad`; each is called with the entity, after the hooks of the entity's own class,
 * and awaited. A method before a write may change the entity, and prevents the write by throwing. List the class among
 * the providers of a module; its constructor can have dependencies, and it must be a singleton.
 *
 * A subscriber of a class that entities extend sees the entities of all these classes. A class can have several of
 * these decorators.
 *
 * ```ts
 * @EntitySubscriber(Order)
 * export class OrderMails {
 *   constructor(private readonly mailer: Mailer) {}
 *
 *   async afterInsert(order: Order): Promise<void> {
 *     await this.mailer.confirm(order.id);
 *   }
 * }
 * ```
 *
 * @throws InvalidArgumentError if `entity` is not a class, or an option is unknown or invalid.
 * @throws CircularImportError if `entity` is undefined.
 */
export function EntitySubscriber<E extends object>(
  entity: SubscribedClass<E>,
  options: EntitySubscriberOptions = {},
): (target: new (...args: never[]) => EntitySubscriberMethods<E>) => void {
  if (entity === undefined) throw new CircularImportError('@EntitySubscriber()');
  checkSubscribedClass('@EntitySubscriber()', entity);
  checkOptionNames('@EntitySubscriber()', options, ['cluster']);
  const { cluster = DEFAULT_CLUSTER } = options;
  checkClusterName(cluster);
  return (target) => {
    subscriptions.set(target, [{ entity, cluster }, ...(subscriptions.get(target) ?? [])]);
  };
}

/** Returns what the decorators of an object's class declare: its own, or those of the class it extends. */
export function entitySubscriptionsOf(instance: object): readonly EntitySubscription[] {
  for (let type: object | null = instance.constructor; type; type = Object.getPrototypeOf(type)) {
    const own = subscriptions.get(type);
    if (own) return own;
  }
  return [];
}
