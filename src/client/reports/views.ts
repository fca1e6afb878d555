import { HandoffError } from '../../core/errors.js';
import type {
  ComponentStatusSummary,
  Dashboard,
  ExportFormat,
  ReportFilter,
  ReportStatistics,
} from '../../core/report/view.js';
import type { ReportDeps } from './deps.js';

// The views over many reports, and exports: each is filled in where it is built.
const notThere = (): Promise<never> => Promise.reject(new HandoffError('INTERNAL', { why: 'not there yet' }));

type Refresh = { forceRefresh?: boolean };
type Exported = Promise<{ mediaType: string; text: string }>;
export const statisticsOf = (_deps: ReportDeps, _options: Refresh): Promise<ReportStatistics> => notThere();
export const dashboardOf = (_deps: ReportDeps, _options: Refresh): Promise<Dashboard> => notThere();
export const componentStatusOf = (_deps: ReportDeps, _options: Refresh): Promise<ComponentStatusSummary> => notThere();
export const exportReport = (_deps: ReportDeps, _id: string, _format: ExportFormat): Exported => notThere();
export const exportReports = (_deps: ReportDeps, _filter: ReportFilter, _format: ExportFormat): Exported => notThere();
