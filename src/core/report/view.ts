import type {
  Attachment,
  ComponentProgress,
  ComponentStatus,
  ComponentType,
  Fact,
  ReportContent,
  ReportStatus,
  ReviewStatus,
  SignOffRole,
  SignOffStatus,
} from './report.js';

/**
 * A report as the API, the page, exports and `client.reports()` show it: the content, and what became of it. Times are ISO
 * 8601 texts. Snake case throughout, as S4 has it.
 */
export interface ReportView extends Omit<ReportContent, 'components'> {
  report_id: string;
  author: string;
  status: ReportStatus;
  /** The number of the present version of the content, and its digest, which reviews and sign-offs name. */
  version: number;
  digest: string;
  /** Rises with every change; the ETag is `"<seq>"`. */
  seq: number;
  components: Record<ComponentType, ComponentView>;
  /** 0 to 100, of all eight. */
  overall_progress: number;
  /** Why it cannot be handed in yet; empty: it can. */
  missing: { path: string; message: string }[];
  facts: FactView[];
  /** What automatic approval would look at, each 0 to 1; `score` is their mean. */
  verified: { components: number; tests: number; coverage: number; score: number };
  reviews: ReviewView[];
  sign_offs: SignOffView[];
  required_sign_offs: SignOffRole[];
  /** `complete`: every required role has one that counts, and no condition is open. */
  sign_off_status: 'not_started' | 'pending' | 'complete';
  escalations: { at: string; level: number; to: string }[];
  findings: string[];
  submissions: number;
  /** What it waits for now, in one sentence, for whom, and since when; absent where it waits for nobody. */
  waits_for?: { words: string; whom: string[]; since: string };
  created_at: string;
  updated_at: string;
  submitted_at?: string;
  review_due_at?: string;
  approved_at?: string;
}

export interface ComponentView extends Omit<ComponentProgress, 'status'> {
  status: ComponentStatus;
  /** The facts that make it verified. */
  verified_by?: string[];
}

export type FactView = Omit<Fact, 'at' | 'component'> & {
  component_type?: ComponentType;
  /** Attachments that are the same bytes: one file that speaks for several components. */
  same_file_as?: string[];
  at: string;
};

export interface ReviewView {
  by: string;
  at: string;
  digest: string;
  review_status: ReviewStatus;
  review_comments: string;
  quality_score?: number;
  amendments?: string[];
  automatic: boolean;
  /** Whether it is of the present version. */
  current: boolean;
}

export interface SignOffView {
  sign_off_role: SignOffRole;
  by: string;
  at: string;
  digest: string;
  status: SignOffStatus;
  comments: string;
  conditions: { text: string; met: boolean; met_by?: string; met_at?: string; note?: string }[];
  expires_at: string;
  /** Whether it counts now; where it does not, why. */
  counts: boolean;
  ended?: { why: string; at: string; by?: string; reason?: string };
}

export interface ReportSummary {
  report_id: string;
  author: string;
  pipeline_id: string;
  task_id: string;
  status: ReportStatus;
  version: number;
  digest: string;
  overall_progress: number;
  sign_off_status: ReportView['sign_off_status'];
  waits_for?: ReportView['waits_for'];
  /** The first 200 characters of the work summary. */
  summary: string;
  created_at: string;
  updated_at: string;
}

export interface ReportPage {
  reports: ReportSummary[];
  /** Pass it as `cursor` for the next page; absent on the last. */
  next_cursor?: string;
}

export interface HistoryEntry {
  seq: number;
  at: string;
  by: string;
  /** The act of the policy table, or one of the system's. */
  act: string;
  status: ReportStatus;
  version: number;
  digest: string;
  /** What changed of the content: JSON pointers with the values before and after, absent where there was or is none. */
  changes: { path: string; before?: unknown; after?: unknown }[];
  note?: string;
}

export interface ReportHistory {
  report_id: string;
  /** Those that these entries made; on the last page whatever else there is. All pages together have each once. */
  versions: { version: number; digest: string; by: string; at: string }[];
  /** The oldest first. */
  entries: HistoryEntry[];
  /** Pass it as `cursor` for what happened next; absent on the last page. */
  next_cursor?: string;
}

export interface HistoryPlace {
  /** Default 200, which is the most. */
  limit?: number;
  cursor?: string;
}

export interface ReportFilter {
  status?: ReportStatus;
  author?: string;
  pipeline_id?: string;
  task_id?: string;
  /** Those that wait for this agent or role. */
  waits_for?: string;
  /** Default 50, at most 200. */
  limit?: number;
  cursor?: string;
}

/** S4.5, over the reports that who asks may read in sum: numbers only, no texts of anybody. */
export interface ReportStatistics {
  total: number;
  by_status: Record<ReportStatus, number>;
  /** Per component: how many reports have it in which status, and the mean progress. */
  component_completion: Record<
    ComponentType,
    { rate: number; mean_progress: number; by_status: Record<ComponentStatus, number> }
  >;
  quality: { mean_score?: number; scored: number; mean_coverage?: number; covered: number };
  /** Hours: from handed in to reviewed, from reviewed to approved and signed off. */
  review_hours: { mean?: number; p95?: number; count: number };
  approval_hours: { mean?: number; p95?: number; count: number };
  amendment_cycles: { mean?: number; max: number };
  /** What holds most reports up, the longest first. */
  bottlenecks: { what: string; count: number; oldest_since: string; mean_hours: number }[];
  /** The last 30 days, oldest first. */
  by_day: { day: string; created: number; submitted: number; approved: number }[];
  computed_at: string;
  /** Whether it was computed for this answer. */
  cached: boolean;
}

export interface Dashboard extends ReportStatistics {
  /** Of handoffs. */
  handoffs: { in_flight: number; waiting: number; incidents: number; by_status: Record<string, number> };
  recent: ReportSummary[];
  /** What waits, longest first: reports, handoffs, incidents that who asks may see. */
  waiting: { subject: string; words: string; whom: string[]; since: string }[];
}

export interface ComponentStatusSummary {
  components: Record<
    ComponentType,
    {
      by_status: Record<ComponentStatus, number>;
      mean_progress: number;
      blockers: { report_id: string; text: string }[];
      reports: number;
    }
  >;
  computed_at: string;
  cached: boolean;
}

export type ExportFormat = 'json' | 'csv' | 'markdown';
export type { Attachment };
