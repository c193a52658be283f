import {
  AfterLoad,
  BelongsTo,
  ClusterEntity,
  type ClusterSet,
  HasMany,
  Index,
  PartitionKey,
  PrimaryKey,
  Property,
  type Related,
  SetOf,
  Shape,
  Unique,
  Version,
} from 'keyslot';

@ClusterEntity({ name: 'Tenant' })
export class Tenant {
  declare readonly [Shape]: { key: 'id' };

  @PrimaryKey() id!: string;
  @Property() name?: string;
  @HasMany(() => Project, { cascade: 'delete' }) projects!: Related<Project[]>;
  @HasMany(() => Task) tasks!: Related<Task[]>;
}

@ClusterEntity({ name: 'Project', partition: () => Tenant })
export class Project {
  declare readonly [Shape]: { key: 'tenantId' | 'id' };

  @PartitionKey() tenantId!: string;
  @PrimaryKey() id!: string;
  @Property() title?: string;
  @BelongsTo(() => Tenant) tenant!: Related<Tenant | null>;
  @HasMany(() => Task, { by: 'projectId', cascade: 'delete' }) tasks!: Related<Task[]>;

  loadedTasks?: number;

  @AfterLoad() count(): void {
    try {
      this.loadedTasks = (this.tasks as unknown as Task[]).length;
    } catch {
      this.loadedTasks = undefined;
    }
  }
}

@ClusterEntity({ name: 'Task', partition: () => Tenant })
export class Task {
  declare readonly [Shape]: { key: 'tenantId' | 'id'; indexed: 'projectId' | 'rank' | 'slug' | 'code' };

  @PartitionKey() tenantId!: string;
  @PrimaryKey() id!: number;
  @Index({ name: 'byRank', fields: ['projectId', 'rank'], nulls: true }) @Property() projectId?: string;
  @Property() rank?: number = 0;
  @Unique() @Property() slug?: string;
  @Unique({ scope: 'global' }) @Property() code?: string;
  @Property() seal?: Buffer;
  @SetOf(String) labels!: ClusterSet<string>;
  @Version() version!: number;
  @BelongsTo(() => Project, { by: 'projectId' }) project!: Related<Project | null>;
}
