import { suggestionFor } from '../../cluster/common/check-option-names.js';
import { describeKind } from '../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { HookEvent } from '../decorators/lifecycle-hooks.js';

/**
 * The methods of a subscriber, all of them optional: each is called with the entity, and awaited. A method before a
 * write may change the entity, and prevents the write by throwing.
 */
export interface EntitySubscriberMethods<E extends object> {
  /** Runs before an insert. */
  beforeInsert?: ((entity: E) => unknown) | undefined;
  /** Runs after an insert, if the process is still alive. */
  afterInsert?: ((entity: E) => unknown) | undefined;
  /** Runs before an update. A save without changes does not run it. */
  beforeUpdate?: ((entity: E) => unknown) | undefined;
  /** Runs after an update, if the process is still alive. */
  afterUpdate?: ((entity: E) => unknown) | undefined;
  /** Runs before `remove(entity)`. `delete(key)` has no entity, so it runs no subscribers. */
  beforeRemove?: ((entity: E) => unknown) | undefined;
  /** Runs after `remove(entity)`, if the process is still alive. */
  afterRemove?: ((entity: E) => unknown) | undefined;
  /** Runs after an entity was loaded. */
  afterLoad?: ((entity: E) => unknown) | undefined;
}

/** A class whose entities a subscriber sees: an entity class, or a class that entity classes extend. */
export type SubscribedClass<E extends object = object> = abstract new (...args: never[]) => E;

/** The methods of subscribers, by the event that calls them. */
export const SUBSCRIBER_METHODS = {
  'before insert': 'beforeInsert',
  'after insert': 'afterInsert',
  'before update': 'beforeUpdate',
  'after update': 'afterUpdate',
  'before remove': 'beforeRemove',
  'after remove': 'afterRemove',
  'after load': 'afterLoad',
} as const satisfies Record<HookEvent, keyof EntitySubscriberMethods<object>>;

const METHODS: readonly string[] = Object.values(SUBSCRIBER_METHODS);

/**
 * Checks what TypeScript cannot: calls from JavaScript, and methods with names that no event calls.
 *
 * @throws InvalidArgumentError
 */
export function checkSubscriber(type: SubscribedClass, subscriber: EntitySubscriberMethods<never>): void {
  checkSubscribedClass('subscribe()', type);
  if (typeof subscriber !== 'object' || subscriber === null) {
    const remedy = typeof subscriber === 'function' ? '. Pass an object of the class' : '';
    throw new InvalidArgumentError(
      'subscriber',
      `A subscriber must be an object, got ${describeKind(subscriber)}${remedy}`,
    );
  }
  const fault = faultOf(subscriber);
  if (!fault) return;
  const name = subscriber.constructor?.name ?? 'The object';
  throw new InvalidArgumentError(
    'subscriber',
    `${name} cannot subscribe to ${type.name}: it ${fault}. The methods of subscribers are ${METHODS.join(', ')}`,
  );
}

/** @throws InvalidArgumentError if it is not a class. An arrow function is none, because it has no prototype. */
export function checkSubscribedClass(what: string, type: unknown): asserts type is SubscribedClass {
  if (typeof type === 'function' && typeof type.prototype === 'object') return;
  let reason = '';
  if (type === undefined) reason = '. Most likely, two files import each other';
  else if (typeof type === 'function') reason = ' that is not a class: write Order, not () => Order';
  throw new InvalidArgumentError(
    'entity',
    `${what} needs an entity class, got ${describeKind(type)}${reason}`,
  );
}

function faultOf(subscriber: object): string | undefined {
  const names = memberNames(subscriber);
  for (const name of names) {
    if (METHODS.includes(name)) {
      const member: unknown = Reflect.get(subscriber, name);
      if (typeof member !== 'function' && member !== undefined)
        return `has ${describeKind(member)} as ${name}, which must be a method`;
      continue;
    }
    const suggestion = suggestionFor(name, METHODS);
    if (suggestion || LIKE_AN_EVENT.test(name))
      return `has ${name}, which is named like an event and which no event calls${suggestion}`;
  }
  const hasMethod = names.some((name) => METHODS.includes(name) && Reflect.get(subscriber, name));
  return hasMethod ? undefined : 'has no method that an event calls';
}

/** Methods with such names are probably meant to be called, as in `afterCommit` or `beforeSave`. */
const LIKE_AN_EVENT = /^(?:before|after)[A-Z]/;

function memberNames(subscriber: object): string[] {
  const names = new Set<string>();
  for (let at: object | null = subscriber; at && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  return [...names];
}
