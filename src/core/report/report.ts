/**
 * A report of work done, as S4 has it: who did what on which of the eight components, how well that is tested, and who has
 * looked at it. {@link ReportContent} is what is reviewed and signed, in the very form in which the API shows it; its
 * digest (RFC 8785, SHA-256) is what every act names. {@link ReportState} is what became of it.
 */
export const REPORT_STATUSES = [
  'draft',
  'submitted',
  'under_review',
  'approved',
  'rejected',
  'amendments_required',
] as const;
export type ReportStatus = (typeof REPORT_STATUSES)[number];

export const COMPONENT_TYPES = [
  'error_handling',
  'api_contracts',
  'retry_mechanisms',
  'circuit_breaker',
  'validation_layer',
  'monitoring_hooks',
  'security_enhancements',
  'integration_tests',
] as const;
export type ComponentType = (typeof COMPONENT_TYPES)[number];

export const COMPONENT_STATUSES = ['not_started', 'in_progress', 'completed', 'blocked', 'failed', 'verified'] as const;
export type ComponentStatus = (typeof COMPONENT_STATUSES)[number];

export const SIGN_OFF_ROLES = [
  'developer',
  'tech_lead',
  'qa_engineer',
  'security_reviewer',
  'product_owner',
  'architect',
] as const;
export type SignOffRole = (typeof SIGN_OFF_ROLES)[number];

export const REVIEW_STATUSES = ['approved', 'rejected', 'amendments_required'] as const;
export type ReviewStatus = (typeof REVIEW_STATUSES)[number];
export const SIGN_OFF_STATUSES = ['approved', 'conditionally_approved', 'rejected'] as const;
export type SignOffStatus = (typeof SIGN_OFF_STATUSES)[number];

export const WORK_SUMMARY_MIN = 50;
export const REVIEW_COMMENTS_MIN = 10;

export interface ComponentProgress {
  /** As its author says it; `verified` is never said, but computed from facts. */
  status: Exclude<ComponentStatus, 'verified'>;
  /** 0 to 100. */
  progress_percentage: number;
  started_at?: string;
  completed_at?: string;
  notes?: string;
  test_results?: { coverage?: number; passed?: number; failed?: number };
  code_review_status?: string;
  security_review_status?: string;
  /** Components that this one needs first. */
  dependencies?: ComponentType[];
  /** What it waits for, in words. */
  blockers?: string[];
}

/** A file that belongs to a report; its bytes are in the store under their sha256. */
export interface Attachment {
  /** A relative path with `/`, without `.`, `..` or empty parts. */
  name: string;
  media_type: string;
  /** Bytes. */
  size: number;
  sha256: string;
  /** The component that it proves something of. */
  component_type?: ComponentType;
}

/** What is reviewed and signed. Snake case, because this document is what the API shows and what the digest is of. */
export interface ReportContent {
  /** A session. */
  pipeline_id: string;
  /** A handoff. */
  task_id: string;
  work_summary: string;
  achievements?: string[];
  challenges_encountered?: string[];
  lessons_learned?: string[];
  components_implemented?: string[];
  apis_integrated?: string[];
  services_configured?: string[];
  tests_written?: string[];
  documentation_created?: string[];
  /** The author's own opinion, 0 to 1; nothing is decided by it. */
  quality_score?: number;
  /** The author's own word, 0 to 100; nothing is decided by it. */
  test_coverage_percentage?: number;
  components: Record<ComponentType, ComponentProgress>;
  attachments: Attachment[];
  submission_notes?: string;
}

/** Something about a version that is more than its author's word: S4.3. */
export interface Fact {
  id: string;
  /** Of the whole report where it is absent. */
  component?: ComponentType;
  /** Read from an attached file whose checksum was right, or entered by somebody who is not the author. */
  source:
    | { kind: 'file'; attachment: string; sha256: string; format: 'junit' | 'lcov' | 'cobertura' | 'istanbul' }
    | { kind: 'reviewer'; by: string };
  tests?: { run: number; passed: number; failed: number; skipped: number };
  /** Per cent of lines. */
  coverage?: number;
  /** A reviewer has seen the component work. */
  verified?: boolean;
  note?: string;
  /** The digest of the content that it was found in. Of another version it counts no more, unless its file is still attached. */
  digest: string;
  at: number;
}

/** Who acts, as the API has found out. In a bare update of Temporal it is a statement, not proof. */
export interface Actor {
  by: string;
  /** As in `core/service/policy.ts`. */
  roles: readonly string[];
  /** Where the request came from, such as an IP address; absent inside. */
  from?: string;
}

/** One version of the content. The content itself is in the store under its digest. */
export interface VersionRef {
  /** 1, 2, … */
  number: number;
  digest: string;
  /** Bytes of the canonical JSON. */
  size: number;
}

export interface Review {
  by: string;
  at: number;
  digest: string;
  status: ReviewStatus;
  comments: string;
  /** 0 to 1. */
  qualityScore?: number;
  /** What has to change, with `amendments_required`. */
  amendments?: string[];
  /** Where automatic approval decided. */
  automatic?: boolean;
  /** Since when it is of the past: what it was about was edited. */
  ended?: { why: 'edited'; at: number };
}

export interface Condition {
  text: string;
  metBy?: string;
  metAt?: number;
  note?: string;
}

export interface SignOff {
  role: SignOffRole;
  by: string;
  at: number;
  /** Of the content that was signed. */
  digest: string;
  status: SignOffStatus;
  comments: string;
  conditions: Condition[];
  expiresAt: number;
  /** Why it counts no more. */
  ended?: { why: 'edited' | 'expired' | 'revoked' | 'rejected_again'; at: number; by?: string; reason?: string };
}

export interface Escalation {
  at: number;
  /** 1 = the first of the chain. */
  level: number;
  /** Whom: a role or an agent. */
  to: string;
}

/** The rules that a report keeps from its creation on, taken from the settings: a running report never follows live ones. */
export interface ReportTerms {
  reviewTimeoutDays: number;
  signOffExpiryDays: number;
  /** 0 to 1; undefined: never. */
  autoApprovalThreshold?: number;
  autoValidation: boolean;
  requiredSignOffs: SignOffRole[];
  /** Per cent of lines that count as full coverage. */
  coverageTarget: number;
  /** Roles or agents that a late review goes to, one after the other. */
  escalationChain: string[];
  /** Hours between two reminders to the same of them. */
  reminderHours: number;
  /** Whether its author may sign it off; and one person in two roles. */
  allowSelfSignOff: boolean;
  allowTwoRoles: boolean;
}

/** What the run carries; small, no content. Its reducer is the only place where it changes. */
export interface ReportState {
  reportId: string;
  author: string;
  pipelineId: string;
  taskId: string;
  terms: ReportTerms;
  status: ReportStatus;
  version: VersionRef;
  /** What the rules must know of the present content. */
  outline: ContentOutline;
  /** Of the present version, and those whose file is still attached. */
  facts: Fact[];
  /** Newest last; only the last few, the rest is on record. */
  reviews: Review[];
  signOffs: SignOff[];
  escalations: Escalation[];
  /** How often it was handed in. */
  submissions: number;
  /** What automatic validation found when it was last handed in. */
  findings: string[];
  comments: number;
  /** Rises with every change: `ETag`, and the key of its projection. */
  seq: number;
  createdAt: number;
  updatedAt: number;
  submittedAt?: number;
  reviewDueAt?: number;
  approvedAt?: number;
}

/** The few facts of a content that rules are about, computed where it is stored. */
export interface ContentOutline {
  components: Record<ComponentType, { status: ComponentProgress['status']; progress: number; blockers: number }>;
  /** Why it cannot be handed in, each with its JSON pointer; empty: it is complete. */
  missing: { path: string; message: string }[];
  attachments: { name: string; sha256: string; component?: ComponentType }[];
}
