import {
  type ChangeFollower,
  type ChangeHandler,
  ClusterClient,
  type ClusterClientOptions,
  ClusterEntity,
  type ClusterRepository,
  Counter,
  createRepositories,
  type FollowOptions,
  PrimaryKey,
  Property,
  Shape,
} from 'keyslot';
import { ownCluster } from '../../../cluster-fixture.js';
import { sharedClient } from '../fixtures.js';

@ClusterEntity({ name: 'Parcel', changes: true })
export class Parcel {
  declare readonly [Shape]: { key: 'id'; counters: 'billed' };
  @PrimaryKey() id!: string;
  @Property() state?: string;
  @Counter() billed!: number;
}

/** A short lease, so that others take over soon. */
export const QUICK = { leaseMs: 1_500, retry: { delayMs: 5 } } satisfies FollowOptions;

type FollowArguments = [
  group: string,
  handler: ChangeHandler,
  options?: Omit<FollowOptions, 'classes' | 'gaps'>,
];

/** Parcels, and followers of them that end with their test. */
export class Parcels {
  private readonly own = ownCluster();
  private readonly cluster = sharedClient(this.own);
  private readonly followers = new Set<ChangeFollower>();
  private readonly clients = new Set<ClusterClient>();
  repository!: ClusterRepository<Parcel>;

  constructor() {
    beforeAll(() => {
      this.repository = this.elsewhere();
    });
    afterEach(async () => {
      await Promise.all([...this.followers].map((one) => one.close({ timeoutMs: 0 })));
      this.followers.clear();
      for (const client of this.clients) client.disconnect();
      this.clients.clear();
    });
  }

  get client(): ClusterClient {
    return this.cluster.client;
  }

  /** The repository as another process has it. */
  elsewhere(client = this.client): ClusterRepository<Parcel> {
    return createRepositories(client, [Parcel]).repository(Parcel);
  }

  /** A client that a test may cut off, as if its process had died. */
  mortalClient(options: ClusterClientOptions = {}): ClusterClient {
    const { nodes, keyspace: keyPrefix } = this.own;
    const client = new ClusterClient({ nodes, keyPrefix, ...options });
    this.clients.add(client);
    return client;
  }

  /** Follows as another process does. Resolves once the group has begun. */
  async follow(...args: FollowArguments): Promise<ChangeFollower> {
    return this.followWith(this.client, ...args);
  }

  async followWith(client: ClusterClient, ...args: FollowArguments): Promise<ChangeFollower> {
    const follower = this.begin(client, ...args);
    await follower.ready();
    return follower;
  }

  /** Follows with another client, and does not wait until the group has begun. */
  begin(client: ClusterClient, ...args: FollowArguments): ChangeFollower {
    const [group, handler, options] = args;
    const follower = this.elsewhere(client).follow(group, handler, { ...options });
    this.followers.add(follower);
    return follower;
  }

  add(id: string): Promise<Parcel> {
    return this.repository.insert(this.repository.create({ id }));
  }
}

/** A promise that a test resolves. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}
