export const PHASE_STATUSES = ['in_progress', 'completed', 'handed_off', 'ready', 'failed'] as const;
/** What is recorded of a phase in a session. */
export type PhaseStatus = (typeof PHASE_STATUSES)[number];
