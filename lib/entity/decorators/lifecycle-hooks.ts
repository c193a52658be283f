/** When a hook runs. */
export type HookEvent =
  | 'before insert'
  | 'after insert'
  | 'before update'
  | 'after update'
  | 'before remove'
  | 'after remove'
  | 'after load';

/** What a decorator said of a method. */
export interface HookMetadata {
  readonly event: HookEvent;
  readonly method: string;
}

/** Methods by when they run; those of parents first. */
export type Hooks = ReadonlyMap<HookEvent, readonly string[]>;

/** Hooks by their event; one that a child declares again runs once. */
export function hooksByEvent(hooks: readonly HookMetadata[]): Hooks {
  const byEvent = new Map<HookEvent, string[]>();
  for (const { event, method } of hooks) {
    const methods = byEvent.get(event) ?? [];
    byEvent.set(event, [...methods.filter((other) => other !== method), method]);
  }
  return byEvent;
}

/** Runs the hooks of an event, one after the other; nothing to wait for where there are none. */
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
