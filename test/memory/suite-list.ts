/** The tests of a file that need servers, each with the reason. */
export type Exceptions = Readonly<Record<string, string>>;

/** The suites of repositories that also run on a cluster in memory, by their paths in `test/`. */
export const IN_MEMORY: Readonly<Record<string, Exceptions>> = {
  'cluster/entity/changes/changes.test.ts': {},
  'cluster/entity/changes/partition-changes.test.ts': {
    'write nothing for a user who may not read whole rows': 'restricts a user by ACL',
  },
  'cluster/entity/changes/stream.test.ts': {},
  'cluster/entity/collections/collections-life.test.ts': {},
  'cluster/entity/collections/collections.test.ts': {},
  'cluster/entity/collections/many-elements.test.ts': {},
  'cluster/entity/commit/plain-writes.test.ts': {},
  'cluster/entity/commit/replay.test.ts': {
    'is applied if it had not arrived, and its row remembers all writes since':
      'reads the encoding of a server',
  },
  'cluster/entity/commit/turns.test.ts': {},
  'cluster/entity/commit/whole-commits.test.ts': {
    'if the user lacks a permission for one of its commands': 'restricts a user by ACL',
  },
  'cluster/entity/deletion/former-versions.test.ts': {},
  'cluster/entity/deletion/soft-deletes-combined.test.ts': {},
  'cluster/entity/deletion/soft-deletes.test.ts': {},
  'cluster/entity/followers/dead-letters.test.ts': {},
  'cluster/entity/followers/followers.test.ts': {},
  'cluster/entity/followers/group-leases.test.ts': {
    'looks again after notifications may have been lost': 'ends connections of a server',
    'reports to ready() that a permission is missing, and begins once it is granted':
      'restricts a user by ACL',
  },
  'cluster/entity/global/global-index.test.ts': {},
  'cluster/entity/global/listed.test.ts': {},
  'cluster/entity/global/upkeep.test.ts': {},
  'cluster/entity/maintenance/upkeep.test.ts': {},
  'cluster/entity/partitions/deletion.test.ts': {},
  'cluster/entity/partitions/transfer.test.ts': {},
  'cluster/entity/query/index-forms.test.ts': {},
  'cluster/entity/query/indexes.test.ts': {},
  'cluster/entity/query/order.test.ts': {},
  'cluster/entity/query/select.test.ts': {},
  'cluster/entity/query/unique-building.test.ts': {},
  'cluster/entity/query/unique-lists.test.ts': {},
  'cluster/entity/query/walk.test.ts': {
    'finds the same if the user can neither count keys nor run read-only scripts': 'restricts a user by ACL',
  },
  'cluster/entity/query/where.test.ts': {},
  'cluster/entity/query/window.test.ts': {},
  'cluster/entity/relations/cascade.test.ts': {},
  'cluster/entity/relations/relations.test.ts': {},
  'cluster/entity/repository/bad-input.test.ts': {},
  'cluster/entity/repository/mistakes.test.ts': {},
  'cluster/entity/repository/repository.test.ts': {},
  'cluster/entity/repository/roll-out.test.ts': {},
  'cluster/entity/repository/traced-operations.test.ts': {},
  'cluster/entity/rows/bulk.test.ts': {},
  'cluster/entity/rows/created-at.test.ts': {},
  'cluster/entity/rows/expiry-leftovers.test.ts': {},
  'cluster/entity/rows/expiry.test.ts': {},
  'cluster/entity/rows/garbage.test.ts': {},
  'cluster/entity/rows/hooks.test.ts': {},
  'cluster/entity/rows/property-ttl.test.ts': {},
  'cluster/entity/rows/row-text.test.ts': {},
  'cluster/entity/rows/rows.test.ts': {},
  'cluster/entity/rows/saving.test.ts': {},
  'cluster/entity/rows/schema-evolution.test.ts': {},
  'cluster/entity/rows/subscribers.test.ts': {},
  'cluster/entity/rows/sweep-partitions.test.ts': {},
  'cluster/entity/rows/untouched.test.ts': {},
  'cluster/entity/rows/write-options.test.ts': {},
  'cluster/entity/security.test.ts': {},
  'cluster/entity/transactions/lock.test.ts': {},
  'cluster/entity/transactions/transaction-find.test.ts': {},
  'cluster/entity/transactions/transaction-order.test.ts': {},
  'cluster/entity/transactions/transaction.test.ts': {},
};

/** The suites of repositories that need servers, each with what it does to them. */
export const ON_SERVERS_ONLY: Readonly<Record<string, string>> = {
  'cluster/entity/commit/full-server.test.ts': 'fills the memory of its servers',
  'cluster/entity/global/schedules.test.ts': 'moves slots between servers',
  'cluster/entity/relations/moving-slot.test.ts': 'moves a slot between servers',
  'cluster/entity/repository/cached-rows.test.ts': 'needs servers that report changes',
  'cluster/entity/repository/migration.test.ts': 'moves slots between servers',
  'cluster/entity/repository/option-names.test.ts': 'checks what the client checks itself, for minutes',
  'cluster/entity/repository/read-from.test.ts': 'reads from replicas',
};

/** The suites that wait for readers, members and leases: half of the time. They run in a test file of their own. */
const WAITING = /^cluster\/entity\/(changes|followers|global|maintenance)\//;

/** Returns the suites that run in memory, in the one test file or the other. */
export const suitesInMemory = (areWaiting: boolean): (readonly [file: string, without: Exceptions])[] =>
  Object.entries(IN_MEMORY).filter(([file]) => WAITING.test(file) === areWaiting);
