import type { Procedure } from '../core/procedure.js';
import type { HandoffRequest } from '../core/request.js';

/** A user's own request, and the folder from which its relative paths start. */
export interface Template {
  request: HandoffRequest;
  sources: string;
  /** Whether its procedure moves artifacts, so that they can be looked for. */
  movesArtifacts: boolean;
}

/** The least that a handoff needs, for a procedure without a request of the user's own. */
export const plainRequest = (procedure: string, source: string, target: string): HandoffRequest => ({
  procedure,
  source: { agent: source, phase: 8 },
  target: { agent: target, phase: 13 },
  context: { iteration: '{n}' },
});

export const movesArtifacts = ({ steps }: Procedure): boolean =>
  steps.some((step) => {
    const what: unknown = step.with?.['what'];
    return step.action === 'transfer' && (!Array.isArray(what) || what.includes('artifacts'));
  });
