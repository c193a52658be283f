import type { Logger } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import type { ChangeContext, ChangeGap, FollowedChange } from '../../../entity/followers/change-context.js';
import type { ChangeFollower } from '../../../entity/followers/change-follower.js';
import type { ClusterRepository } from '../../../entity/repository/cluster-repository.js';
import { InvalidArgumentError } from '../../../cluster/common/errors.js';
import type { ClusterMessage } from '../../../pubsub/subscriptions/cluster-message.js';
import { DEFAULT_CLUSTER, getClusterRepositoryToken } from '../../common/cluster.tokens.js';
import type { Handler } from '../handler.js';
import type { HandlerCall } from '../handler.invoker.js';
import type { FollowedChanges } from '../decorators/on-change.decorator.js';

/**
 * Starts the followers of a handler, and resolves once their groups have begun.
 *
 * @param add called with each follower at once, so that it can be closed if another one fails.
 * @throws InvalidArgumentError if the application has no repository of the class, and the ReplyError of a server that
 *   rejects what a group needs
 */
export async function startFollowers(
  { name, changes }: Handler,
  call: HandlerCall,
  moduleRef: ModuleRef,
  logger: Logger,
  add: (follower: ChangeFollower) => void,
): Promise<void> {
  await Promise.all(
    changes.map(async (followed) => {
      const { group, options } = followed;
      const onError = (error: Error): void => {
        logger.error(`${name} failed on a change of group ${group}: ${error.message}`, error.stack);
        options.onError?.(error);
      };
      const handle = (change: FollowedChange | ChangeGap, context: ChangeContext): unknown =>
        call(messageOf(change, context));
      const classes = followed.classes;
      const gaps = options.gaps as true;
      const follower = repositoryOf(followed, moduleRef, name).follow(group, handle, {
        ...options,
        classes,
        gaps,
        onError,
      });
      add(follower);
      await follower.ready();
      logger.log(
        `Mapped changes of {${classes.map((one) => one.name).join(', ')}} to ${name} (group ${group})`,
      );
    }),
  );
}

/** Wraps a change in a message, so that parameter decorators, guards and interceptors see the usual shape. */
function messageOf(
  payload: FollowedChange | ChangeGap,
  context: ChangeContext,
): ClusterMessage & ChangeContext {
  return { ...context, channel: context.group, pattern: undefined, payload, receivedAt: Date.now() };
}

function repositoryOf(
  { classes: [type], cluster = DEFAULT_CLUSTER }: FollowedChanges,
  moduleRef: ModuleRef,
  handler: string,
): ClusterRepository<object> {
  try {
    return moduleRef.get(getClusterRepositoryToken(type, cluster), { strict: false });
  } catch {
    const [where, name] =
      cluster === DEFAULT_CLUSTER ? ['', ''] : [` of cluster '${cluster}'`, `, '${cluster}'`];
    throw new InvalidArgumentError(
      '@OnChange()',
      `@OnChange() on ${handler} follows ${type.name}${where}, which no module has: pass it to ` +
        `ClusterModule.forFeature([${type.name}]${name})`,
    );
  }
}
