import {
  commentSchema,
  enterFactSchema,
  meetConditionSchema,
  parsedReport,
  reviewReportSchema,
  revokeSchema,
  signOffRole,
  signOffSchema,
} from '../../core/report/report-schema.js';
import type {
  Attachment,
  ComponentProgress,
  ComponentType,
  ReportContent,
  SignOffRole,
} from '../../core/report/report.js';
import type {
  ComponentStatusSummary,
  Dashboard,
  ExportFormat,
  HistoryPlace,
  ReportFilter,
  ReportHistory,
  ReportPage,
  ReportStatistics,
  ReportView,
} from '../../core/report/view.js';
import {
  commentReportUpdate,
  enterFactUpdate,
  meetConditionUpdate,
  reviewReportUpdate,
  revokeSignOffUpdate,
  signOffReportUpdate,
} from '../../messages/report.js';
import { createReport } from './create.js';
import { readable, viewOf, type ReportDeps } from './deps.js';
import { attach, detach, readAttached, submitReport, updateComponent, updateReport } from './edit.js';
import type {
  CreateReport,
  EnterFact,
  NewAttachment,
  Reports,
  ReviewReport,
  SignOffReport,
  SubmitReport,
  UpdateReport,
  WriteOptions,
} from './port.js';
import { exportReport, exportReports } from './export/export.js';
import { historyOf, listReports, versionOf } from './read.js';
import { act } from './send.js';
import { componentStatusOf, dashboardOf, statisticsOf } from './views.js';

const there = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);

/** Reports over Temporal and the storage: `client.reports(actor)`. Who acts is believed; the API finds it out. */
export class LocalReports implements Reports {
  constructor(private readonly deps: ReportDeps) {}

  async create(report: CreateReport, options?: WriteOptions): Promise<ReportView> {
    return createReport(this.deps, report, options);
  }

  async get(id: string): Promise<ReportView> {
    return viewOf(this.deps, (await readable(this.deps, id)).state);
  }

  async list(filter?: ReportFilter): Promise<ReportPage> {
    return listReports(this.deps, filter);
  }

  async update(id: string, change: UpdateReport, options?: WriteOptions): Promise<ReportView> {
    return updateReport(this.deps, id, change, options);
  }

  async updateComponent(
    id: string,
    component: ComponentType,
    change: Partial<ComponentProgress>,
    options?: WriteOptions,
  ): Promise<ReportView> {
    return updateComponent(this.deps, id, component, change, options);
  }

  async attach(id: string, file: NewAttachment, options?: WriteOptions): Promise<ReportView> {
    return attach(this.deps, id, file, options);
  }

  async detach(id: string, name: string, options?: WriteOptions): Promise<ReportView> {
    return detach(this.deps, id, name, options);
  }

  async attachment(id: string, name: string): Promise<{ attachment: Attachment; bytes: Uint8Array }> {
    return readAttached(this.deps, id, name);
  }

  async submit(id: string, submission?: SubmitReport, options?: WriteOptions): Promise<ReportView> {
    return submitReport(this.deps, id, submission, options);
  }

  async review(id: string, review: ReviewReport, options?: WriteOptions): Promise<ReportView> {
    const given = parsedReport(reviewReportSchema, review);
    const said = {
      status: given.review_status,
      comments: given.review_comments,
      ...there('qualityScore', given.quality_score),
      ...there('amendments', given.amendments),
    };
    const of = reviewReportUpdate;
    return act(this.deps, id, 'review', of, (s) => ({ digest: s.version.digest, ...said }), options);
  }

  async enterFact(id: string, fact: EnterFact, options?: WriteOptions): Promise<ReportView> {
    const { component_type, tests, coverage, verified, note } = parsedReport(enterFactSchema, fact);
    const entered = {
      ...there('component', component_type),
      ...there('tests', tests),
      ...there('coverage', coverage),
      ...there('verified', verified),
      ...there('note', note),
    };
    const of = enterFactUpdate;
    return act(this.deps, id, 'enterFact', of, (s) => ({ digest: s.version.digest, fact: entered }), options);
  }

  async signOff(id: string, signOff: SignOffReport, options?: WriteOptions): Promise<ReportView> {
    const { sign_off_role: role, status, comments = '', conditions } = parsedReport(signOffSchema, signOff);
    const said = { role, status, comments, ...there('conditions', conditions) };
    const of = signOffReportUpdate;
    return act(this.deps, id, 'signOff', of, (s) => ({ digest: s.version.digest, ...said }), options);
  }

  async revokeSignOff(
    id: string,
    role: SignOffRole,
    why: { reason: string },
    options?: WriteOptions,
  ): Promise<ReportView> {
    const { reason } = parsedReport(revokeSchema, why);
    const said = { role: parsedReport(signOffRole, role), reason };
    return act(this.deps, id, 'revokeSignOff', revokeSignOffUpdate, () => said, options);
  }

  async meetCondition(
    id: string,
    role: SignOffRole,
    condition: number,
    how: { note?: string } = {},
    options?: WriteOptions,
  ): Promise<ReportView> {
    const { note } = parsedReport(meetConditionSchema, how);
    const said = { role: parsedReport(signOffRole, role), condition, ...there('note', note) };
    return act(this.deps, id, 'meetCondition', meetConditionUpdate, () => said, options);
  }

  async comment(id: string, comment: { text: string }, options?: WriteOptions): Promise<ReportView> {
    const said = parsedReport(commentSchema, comment);
    return act(this.deps, id, 'comment', commentReportUpdate, () => said, options);
  }

  async history(id: string, place?: HistoryPlace): Promise<ReportHistory> {
    return historyOf(this.deps, id, place);
  }

  async version(id: string, version: number): Promise<ReportContent> {
    return versionOf(this.deps, id, version);
  }

  async export(id: string, format: ExportFormat): Promise<{ mediaType: string; text: string }> {
    return exportReport(this.deps, id, format);
  }

  async exportAll(filter: ReportFilter, format: ExportFormat): Promise<{ mediaType: string; text: string }> {
    return exportReports(this.deps, filter, format);
  }

  async statistics(options: { forceRefresh?: boolean } = {}): Promise<ReportStatistics> {
    return statisticsOf(this.deps, options);
  }

  async dashboard(options: { forceRefresh?: boolean } = {}): Promise<Dashboard> {
    return dashboardOf(this.deps, options);
  }

  async componentStatus(options: { forceRefresh?: boolean } = {}): Promise<ComponentStatusSummary> {
    return componentStatusOf(this.deps, options);
  }
}
