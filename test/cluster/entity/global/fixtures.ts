import {
  ClusterEntity,
  ExpiresAt,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  Shape,
  Unique,
  Version,
} from 'keyslot';

/** A partition of its own, with everything that is global. */
@ClusterEntity({ name: 'User' })
export class User {
  declare readonly [Shape]: { key: 'id'; indexed: 'email' | 'team' | 'age' | 'nick' | 'realm' };

  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() email?: string;
  @Index({ scope: 'global' }) @Property() team?: string;
  @Index({ name: 'byAge', scope: 'global', fields: ['team', 'age'] }) @Property() age?: number;
  @Unique({ name: 'nickname', scope: 'global', fields: ['realm', 'nick'] }) @Property() nick?: string;
  @Property() realm?: string;
  @Property() note?: string;
  @Version() version!: number;
  @ExpiresAt() expiresAt?: Date;
}

/** In the partition of a user, with indexes of both scopes. */
@ClusterEntity({ name: 'Device', partition: () => User })
export class Device {
  declare readonly [Shape]: { key: 'userId' | 'id'; indexed: 'serial' | 'kind' | 'slot' };

  @PartitionKey() userId!: string;
  @PrimaryKey() id!: string;
  @Unique({ scope: 'global' }) @Property() serial?: string;
  @Index({ scope: 'global', buckets: 4 }) @Property() kind?: string;
  @Unique() @Property() slot?: number;
  @ExpiresAt() expiresAt?: Date;
}
