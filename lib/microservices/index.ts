export { ClusterClientProxy } from './cluster-client-proxy.js';
export { ClusterContext } from './cluster-context.js';
export { ClusterTransport } from './cluster-transport.js';
export type {
  ClusterClientProxyOptions,
  ClusterTransportOptions,
  TransportOptions,
} from './transport-options.js';
