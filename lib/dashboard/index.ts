export { ClusterDashboardModule } from './cluster-dashboard.module.js';
export type { ClusterDashboardOptions, DashboardGuard } from './dashboard-options.js';
