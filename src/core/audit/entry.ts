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
