export { ClusterHealthIndicator, type ClusterHealthCheckOptions } from './cluster-health.indicator.js';
export {
  checkClusterHealth,
  type ClusterHealth,
  type ClusterHealthOptions,
  type ClusterHealthStatus,
} from './cluster-health.js';
