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
