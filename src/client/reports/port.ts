import type {
  Actor,
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

export type CreateReport = Partial<Omit<ReportContent, 'attachments' | 'components'>> &
  Pick<ReportContent, 'pipeline_id' | 'task_id' | 'work_summary'> & {
    /** Default: a new id. The same id with the same content again is the same report. */
    report_id?: string;
    components?: Partial<Record<ComponentType, Partial<ComponentProgress>>>;
  };
/** What is given replaces what was there; `null` takes an optional field away. */
export type UpdateReport = {
  [K in keyof Omit<ReportContent, 'attachments' | 'components' | 'pipeline_id' | 'task_id'>]?: ReportContent[K] | null;
} & { components?: Partial<Record<ComponentType, Partial<ComponentProgress>>> };
export interface SubmitReport {
  submission_notes?: string;
  /** Names of attachments that must be there. */
  attachments?: string[];
}
export interface ReviewReport {
  review_status: 'approved' | 'rejected' | 'amendments_required';
  review_comments: string;
  quality_score?: number;
  amendments?: string[];
}
export interface SignOffReport {
  sign_off_role: SignOffRole;
  /** `approved` with conditions is `conditionally_approved`. */
  status: 'approved' | 'conditionally_approved' | 'rejected';
  comments?: string;
  conditions?: string[];
}
export interface EnterFact {
  component_type?: ComponentType;
  tests?: { run: number; passed: number; failed: number; skipped?: number };
  coverage?: number;
  verified?: boolean;
  note?: string;
}
export interface NewAttachment {
  name: string;
  media_type: string;
  component_type?: ComponentType;
  bytes: Uint8Array;
}
export interface WriteOptions {
  /** The `seq` that the caller has seen: refused with PRECONDITION_FAILED where there is a newer one. */
  ifMatch?: number;
  /** Given again, the same call returns the same answer. */
  idempotencyKey?: string;
}

/** Reports, on behalf of one actor: every call checks what that actor may do. Every error is a HandoffError. */
export interface Reports {
  create(report: CreateReport, options?: WriteOptions): Promise<ReportView>;
  get(id: string): Promise<ReportView>;
  list(filter?: ReportFilter): Promise<ReportPage>;
  update(id: string, change: UpdateReport, options?: WriteOptions): Promise<ReportView>;
  updateComponent(
    id: string,
    component: ComponentType,
    change: Partial<ComponentProgress>,
    options?: WriteOptions,
  ): Promise<ReportView>;
  attach(id: string, file: NewAttachment, options?: WriteOptions): Promise<ReportView>;
  detach(id: string, name: string, options?: WriteOptions): Promise<ReportView>;
  attachment(id: string, name: string): Promise<{ attachment: Attachment; bytes: Uint8Array }>;
  submit(id: string, submission?: SubmitReport, options?: WriteOptions): Promise<ReportView>;
  review(id: string, review: ReviewReport, options?: WriteOptions): Promise<ReportView>;
  enterFact(id: string, fact: EnterFact, options?: WriteOptions): Promise<ReportView>;
  signOff(id: string, signOff: SignOffReport, options?: WriteOptions): Promise<ReportView>;
  revokeSignOff(id: string, role: SignOffRole, why: { reason: string }, options?: WriteOptions): Promise<ReportView>;
  /** `condition` counts from 0. */
  meetCondition(
    id: string,
    role: SignOffRole,
    condition: number,
    how?: { note?: string },
    options?: WriteOptions,
  ): Promise<ReportView>;
  comment(id: string, comment: { text: string }, options?: WriteOptions): Promise<ReportView>;
  /** A page of what happened, the oldest first. */
  history(id: string, place?: HistoryPlace): Promise<ReportHistory>;
  version(id: string, version: number): Promise<ReportContent>;
  export(id: string, format: ExportFormat): Promise<{ mediaType: string; text: string }>;
  exportAll(filter: ReportFilter, format: ExportFormat): Promise<{ mediaType: string; text: string }>;
  statistics(options?: { forceRefresh?: boolean }): Promise<ReportStatistics>;
  dashboard(options?: { forceRefresh?: boolean }): Promise<Dashboard>;
  componentStatus(options?: { forceRefresh?: boolean }): Promise<ComponentStatusSummary>;
}

export type { Actor };
