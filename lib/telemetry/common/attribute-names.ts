/** The attributes of spans and metrics: those of the OpenTelemetry semantic conventions, and our own (`keyslot.*`). */
export const ATTRIBUTES = {
  dbSystem: 'db.system.name',
  dbNamespace: 'db.namespace',
  dbOperation: 'db.operation.name',
  dbBatchSize: 'db.operation.batch.size',
  dbStatusCode: 'db.response.status_code',
  dbCollection: 'db.collection.name',
  poolName: 'db.client.connection.pool.name',
  connectionState: 'db.client.connection.state',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  peerAddress: 'network.peer.address',
  peerPort: 'network.peer.port',
  ioDirection: 'network.io.direction',
  errorType: 'error.type',
  messagingSystem: 'messaging.system',
  messagingOperation: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  destination: 'messaging.destination.name',
  destinationTemporary: 'messaging.destination.temporary',
  destinationTemplate: 'messaging.destination.template',
  messagingBatchSize: 'messaging.batch.message_count',

  /** The name of the cluster in `ClusterModule`, else the option `clientName`. */
  client: 'keyslot.client.name',
  slot: 'keyslot.slot',
  attempts: 'keyslot.attempts',
  keys: 'keyslot.keys',
  /** `unknown` for a call that may or may not have been executed. */
  outcome: 'keyslot.outcome',
  conflicts: 'keyslot.conflicts',
  handler: 'keyslot.handler',
  operation: 'keyslot.operation',
  purpose: 'keyslot.connection.purpose',
  /** The code behind a redirect, a retry, a conflict, a gap or a read of the topology. */
  reason: 'keyslot.reason',
  node: 'keyslot.node',
  redirectedTo: 'keyslot.redirect.node',
  state: 'keyslot.state',
  kind: 'keyslot.subscription.kind',
  quantile: 'keyslot.quantile',
} as const;

/** The system in both conventions: databases and messaging. */
export const SYSTEM = 'redis';
