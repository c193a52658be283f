import type { ClusterPipeline } from './cluster-pipeline.js';

declare module 'ioredis/built/utils/RedisCommander.js' {
  /** ioredis derives the types of all its commands from this interface; these are our forms of their replies. */
  interface ResultTypes<Result, Context> {
    /** By node name, from several nodes. */
    byNode: Promise<Map<string, Result>>;
    /** None yet: the pipeline, for the next command. */
    queued: ClusterPipeline;
  }
}
