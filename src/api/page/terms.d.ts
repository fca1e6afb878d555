/** What the service tells the page of its own tables; `routes/page.ts` makes it, so that no word stands twice. */
import type { Permission } from '../../core/service/policy.js';
import type { Repair } from '../../core/repairs.js';

export const PREFIX: string;
export const COMPONENT_TYPES: readonly string[];
export const COMPONENT_STATUSES: readonly string[];
export const REPORT_STATUSES: readonly string[];
export const REVIEW_STATUSES: readonly string[];
export const SIGN_OFF_ROLES: readonly string[];
export const WORK_SUMMARY_MIN: number;
export const REVIEW_COMMENTS_MIN: number;
export const POLICY: Record<string, readonly Permission[]>;
/** By kind of incident; `conflict` is an undo that met somebody else's change. */
export const REPAIRS: Record<string, Repair[]>;
/** The messages that fit a status of a handoff. */
export const ACCEPTS: Record<string, readonly string[]>;
/** Where the Temporal Web UI shows the namespace; empty: unknown. */
export const TEMPORAL_UI: string;
