import type { HookEvent, HookMetadata } from '../decorators/lifecycle-hooks.js';
import { type EntitySubscriberMethods, SUBSCRIBER_METHODS } from './entity-subscriber.js';

type Hook = (entity: object) => unknown;

/** What runs before and after writes of the entities of a class, and after loads: its own hooks, then subscribers. */
export class EntityHooks {
  private hooks: ReadonlyMap<HookEvent, readonly Hook[]>;

  /** @param declared the hooks of the class; those of parent classes first. */
  constructor(private readonly declared: readonly HookMetadata[]) {
    this.hooks = hooksByEvent(declared, []);
  }

  /** Whether nothing runs on any event. */
  get isEmpty(): boolean {
    return this.hooks.size === 0;
  }

  has(event: HookEvent): boolean {
    return this.hooks.has(event);
  }

  /** Replaces the subscribers. Runs that have begun finish with the earlier ones. */
  setSubscribers(subscribers: readonly EntitySubscriberMethods<never>[]): void {
    this.hooks = hooksByEvent(this.declared, subscribers);
  }

  /** Runs what an event has, one after the other. Returns undefined if it has none, so that callers need not wait. */
  run(event: HookEvent, entity: object): Promise<void> | undefined {
    const hooks = this.hooks.get(event);
    return hooks && runInTurn(hooks, entity);
  }
}

async function runInTurn(hooks: readonly Hook[], entity: object): Promise<void> {
  for (const hook of hooks) await hook(entity);
}

function hooksByEvent(
  declared: readonly HookMetadata[],
  subscribers: readonly EntitySubscriberMethods<never>[],
): Map<HookEvent, readonly Hook[]> {
  const hooks = new Map<HookEvent, readonly Hook[]>();
  for (const event of Object.keys(SUBSCRIBER_METHODS) as HookEvent[]) {
    const ofEvent = [...ownHooks(declared, event), ...subscribedHooks(subscribers, event)];
    if (ofEvent.length > 0) hooks.set(event, ofEvent);
  }
  return hooks;
}

/** A hook that a subclass declares again runs once, at its later place. */
function ownHooks(declared: readonly HookMetadata[], event: HookEvent): Hook[] {
  const methods = declared.flatMap((hook) => (hook.event === event ? [hook.method] : []));
  return methods
    .filter((method, i) => !methods.includes(method, i + 1))
    .map((method) => (entity) => (entity as Record<string, () => unknown>)[method]());
}

function subscribedHooks(subscribers: readonly EntitySubscriberMethods<never>[], event: HookEvent): Hook[] {
  const method = SUBSCRIBER_METHODS[event];
  return subscribers
    .filter((subscriber) => subscriber[method])
    .map((subscriber) => (entity) => subscriber[method]?.(entity as never));
}
