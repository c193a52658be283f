export { ClusterThrottlerStorage, type ClusterThrottlerStorageOptions } from './cluster-throttler-storage.js';
