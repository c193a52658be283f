/** When a hook runs. */
export type HookEvent =
  | 'before insert'
  | 'after insert'
  | 'before update'
  | 'after update'
  | 'before remove'
  | 'after remove'
  | 'after load';

/** What a decorator declares about a method. */
export interface HookMetadata {
  readonly event: HookEvent;
  readonly method: string;
}

/** Methods by event; those of parent classes first. */
export type Hooks = ReadonlyMap<HookEvent, readonly string[]>;

/** Groups hooks by event. A hook that a subclass declares again runs once. */
export function hooksByEvent(hooks: readonly HookMetadata[]): Hooks {
  const byEvent = new Map<HookEvent, string[]>();
  for (const { event, method } of hooks) {
    const methods = byEvent.get(event) ?? [];
    byEvent.set(event, [...methods.filter((other) => other !== method), method]);
  }
  return byEvent;
}

/**
 * Runs the hooks of an event, one after the other. Returns undefined if there are none, so that callers need not wait.
 */
export function runHooks(
  { hooks }: { readonly hooks: Hooks },
  event: HookEvent,
  entity: object,
): Promise<void> | undefined {
  const methods = hooks.get(event);
  return methods && runInTurn(entity as Record<string, () => unknown>, methods);
}

async function runInTurn(entity: Record<string, () => unknown>, methods: readonly string[]): Promise<void> {
  for (const method of methods) await entity[method]();
}
