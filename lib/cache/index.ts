export { ClusterKeyvStore, type ClusterKeyvStoreOptions } from './cluster-keyv-store.js';
