import { InvalidArgumentError } from '../../cluster/common/errors.js';
import type { ChangeOf } from '../changes/entity-change.js';
import { followedClasses } from '../changes/followed-classes.js';
import { checkFunction } from '../common/argument-checks.js';
import type { EntityClass } from '../decorators/shape.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import type { ChangeGap, ChangeHandler, FollowedChange } from './change-context.js';
import type { AnyHandler } from './change-delivery.js';
import { ChangeFollower, type FollowerContext } from './change-follower.js';
import { type FollowOptions, checkGroup, resolveFollowOptions } from './follow-options.js';

/** The classes that a follower names, or `'all'`. */
export type ClassList = readonly EntityClass[] | 'all';

/** What a follower of these classes receives. */
export type FollowedOf<Classes extends ClassList> = Classes extends readonly EntityClass[]
  ? FollowedChange<ChangeOf<Classes>>
  : FollowedChange;

/** The handler of a follower: of changes and, with the option `gaps`, of gaps. */
export type FollowHandler<Classes extends ClassList, Gaps extends boolean> = ChangeHandler<
  FollowedOf<Classes> | (Gaps extends true ? ChangeGap : never)
>;

/** Starts a follower. */
export function followChanges(
  context: FollowerContext & { readonly groups: Set<string> },
  schema: EntitySchema,
  group: string,
  handler: unknown,
  options: FollowOptions = {},
): ChangeFollower {
  checkGroup(group);
  checkFunction('handler', handler);
  const resolved = resolveFollowOptions(options);
  const classes = followedClasses(context.schemas, schema, options.classes);
  const name = `${classes.partitionName}:${group}`;
  if (context.groups.has(name))
    throw new InvalidArgumentError(
      'group',
      `This process follows changes in partitions of ${classes.partitionName} as '${group}' already: a group has one ` +
        'position, so use one handler for all classes, or another name',
    );
  context.groups.add(name);
  const left = (): void => void context.groups.delete(name);
  return new ChangeFollower(context, classes, group, handler as AnyHandler, resolved, left);
}
