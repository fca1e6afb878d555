/** One row of the audit log, before it is chained. */
export interface NewAuditEntry {
  /** Milliseconds. */
  at: number;
  /** An agent, `system`, or `anonymous`. */
  actor: string;
  /** The act of the policy table, or one of the system's: `report.submit`, `report.sign_off_expired`. */
  act: string;
  /** `report/<id>`, `handoff/<id>`, `key/<id>`, … */
  subject: string;
  outcome: 'done' | 'refused';
  /** Of what was acted on, where it has one. */
  digest?: string;
  /** Where it came from, such as an IP address. */
  from?: string;
  /** Written once for each of these. Absent: always. */
  key?: string;
  /** Small facts; never content or secrets. */
  data?: Record<string, unknown>;
}

/** A row as it stands in the log. */
export interface AuditRow {
  seq: number;
  key: string | null;
  at: number;
  actor: string;
  act: string;
  subject: string;
  outcome: 'done' | 'refused';
  digest: string | null;
  /** Where it came from. */
  source: string | null;
  /** JSON text of the small facts. */
  data: string;
  /** The hash of the row before. */
  prev: string;
  /** SHA-256 over the canonical JSON of all the others. */
  hash: string;
}

/** What the first row follows. */
export const AUDIT_GENESIS = '0'.repeat(64);

/** Every so many rows, the head is signed outside the database. */
export const ANCHOR_EVERY = 100;

/** The act of the row which tells that an anchor was written. */
export const ANCHORED = 'audit.anchored';

export interface AuditFilter {
  subject?: string;
  actor?: string;
  act?: string;
  outcome?: 'done' | 'refused';
  /** Milliseconds; from this moment on, and before that one. */
  since?: number;
  until?: number;
}

/** The head of the log at a moment, signed: the log up to here is what it was then. */
export interface SignedHead {
  kind: 'head';
  seq: number;
  hash: string;
  /** Milliseconds. */
  at: number;
  /** SHA-256 of the public key (SPKI), hex. */
  key: string;
  /** The public key, PEM. */
  public_key: string;
  /** Ed25519 over the canonical JSON of all the others, base64. */
  signature: string;
}

export const AUDIT_FAULTS = [
  'row_changed',
  'row_missing',
  'row_unchained',
  'row_unreadable',
  'rewritten',
  'truncated',
  'anchor_changed',
  'anchors_cut',
  'key_missing',
  'key_wrong',
] as const;

/** One thing that is not as it was written. */
export interface AuditFault {
  kind: (typeof AUDIT_FAULTS)[number];
  /** The row; absent where it is about the key. */
  seq?: number;
  expected?: string;
  found?: string;
  message: string;
}

export interface AuditReport {
  ok: boolean;
  rows: number;
  head: { seq: number; hash: string };
  anchors: number;
  /** Up to here nothing can have been changed, cut off or written anew unseen. */
  anchored_to: number;
  /** At most 100. */
  faults: AuditFault[];
  /** How many there are beyond these. */
  more_faults: number;
  notes: string[];
}
