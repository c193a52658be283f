export { LocalCluster } from './cluster/local-cluster.js';
export type { MigrateSlotsOptions } from './cluster/migrate-slots.js';
export type { NodeReference } from './cluster/node-reference.js';
export type { LocalClusterOptions } from './common/local-cluster-options.js';
export { LocalNode, type LocalNodeState } from './server/local-node.js';
export { LocalClusterError, type LocalClusterErrorCode } from './common/local-cluster-error.js';
export { SlotMigration } from './cluster/slot-migration.js';
export type { FailoverOptions } from './cluster/failover.js';
export type { WaitOptions } from './common/poll.js';
export type { CertificatePems } from './server/certificates.js';
export type { CommandArgument } from './server/node-connection.js';
export type { SlotRange } from './server/cluster-view.js';
export {
  ClusterTestingModule,
  type MemoryModuleOptions,
  getMemoryClusterToken,
  getTestKeyspaceToken,
} from './cluster-testing.module.js';
export { TestKeyspace } from './test-keyspace.js';
export { MemoryCluster, type MemoryClusterOptions } from './memory/memory-cluster.js';
export { MemoryRepositories, createMemoryRepositories } from './memory-repositories.js';
