import { SetMetadata } from '@nestjs/common';
import { checkOptionNames } from '../../../cluster/common/check-option-names.js';
import { describeKind } from '../../../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../../../cluster/common/errors.js';
import type { EntityClass } from '../../../entity/decorators/shape.js';
import type { FollowOptions } from '../../../entity/followers/follow-options.js';
import { checkGroup, resolveFollowOptions } from '../../../entity/followers/follow-options.js';
import { checkClusterName } from '../../common/module-checks.js';
import { CircularImportError } from '../../common/module-errors.js';

/** The metadata key of the changes that a method follows. */
export const CHANGES_FOLLOWED = 'keyslot:changes-followed';

/** Options of `@OnChange`. */
export interface OnChangeOptions extends Omit<FollowOptions, 'classes'> {
  /** The name of the group: each change is handled in one of the processes that follow under this name. */
  group: string;
  /** The name of the cluster. Default `'default'`. */
  cluster?: string | undefined;
}

/** The changes that one decorator follows. */
export interface FollowedChanges {
  readonly classes: readonly EntityClass[];
  readonly group: string;
  readonly cluster: string | undefined;
  readonly options: FollowOptions;
}

const OPTIONS = [
  ...['group', 'cluster', 'from', 'concurrency', 'pollMs', 'leaseMs'],
  ...['retry', 'deadLetter', 'maxDeadLetters', 'gaps', 'onError'],
];

/**
 * Calls a method of any provider or controller with every committed change of an entity class, or of several that live
 * in the same partitions, as a member of a durable group: each change at least once, in one process of the group, those
 * of one partition in order. See `ClusterRepository.follow` for retries, `deadLetter` and positions.
 *
 * Guards, pipes, interceptors and filters apply as to `@Subscribe`. The method is called with the change and its
 * `ChangeContext`, unless `@Payload()` (the change), `@Message()` (the context) or `@Channel()` (the group) inject its
 * parameters. An error that a filter handles counts as success; any other one makes the change be handled again.
 *
 * ```ts
 * @OnChange(Order, { group: 'billing' })
 * async bill(change: RowChange<Order>, context: ChangeContext) {}
 * ```
 *
 * @throws CircularImportError if a class is undefined; InvalidArgumentError for invalid options and, from the decorator,
 *   if it is not on an instance method
 */
export function OnChange(
  classes: EntityClass | readonly EntityClass[],
  options: OnChangeOptions,
): MethodDecorator {
  checkOptionNames('@OnChange()', options, OPTIONS);
  const { group, cluster, ...others } = options;
  const list: readonly EntityClass[] = [classes].flat();
  if (list.includes(undefined as never)) throw new CircularImportError('@OnChange()');
  const wrong = list.length === 0 ? list : list.find((one) => typeof one !== 'function');
  if (wrong !== undefined)
    throw new InvalidArgumentError(
      'classes',
      `@OnChange() needs an entity class, or a list of them, got ${describeKind(wrong)}`,
    );
  checkGroup(group);
  if (cluster !== undefined) checkClusterName(cluster);
  resolveFollowOptions(others);
  const followed: FollowedChanges = { classes: list, group, cluster, options: others };
  return (target, method, descriptor) => {
    const handler: unknown = descriptor?.value;
    if (typeof target === 'function' || typeof handler !== 'function' || typeof method === 'symbol')
      throw new InvalidArgumentError(
        '@OnChange()',
        '@OnChange() can only decorate an instance method with a name',
      );
    SetMetadata(CHANGES_FOLLOWED, [followed, ...changesFollowedBy(handler)])(target, method, descriptor);
  };
}

/** Returns what a method follows, in the order of its decorators. */
export function changesFollowedBy(handler: object): readonly FollowedChanges[] {
  return (Reflect.getOwnMetadata(CHANGES_FOLLOWED, handler) as FollowedChanges[] | undefined) ?? [];
}
