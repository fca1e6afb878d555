/** What the ids of pipelines' workflows begin with. */
const PIPELINE_PREFIX = 'pipeline/';
export const PIPELINE_TYPE = 'handoffPipeline';

/** A step of a phase, in the worker's and in a package's words. */
export const PHASE_STEP_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The Temporal workflow id of a session's pipeline: a session has one that is open at a time. */
export const pipelineWorkflowIdOf = (session: string): string => `${PIPELINE_PREFIX}${session}`;

/** The session in a workflow id of a pipeline, or undefined. */
export const sessionOfWorkflow = (workflowId: string): string | undefined =>
  workflowId.startsWith(PIPELINE_PREFIX) ? workflowId.slice(PIPELINE_PREFIX.length) : undefined;

/** Under what the effects of a pipeline stand in the ledger. No handoff id has a slash. */
export const ledgerIdOf = (pipelineId: string): string => `${PIPELINE_PREFIX}${pipelineId}`;

/** The name of a step in the ledger. */
export const ledgerStepOf = (phase: string, step: string): string => `${phase}/${step}`;

/** An epoch has one checkpoint, so a repetition writes the same package. */
export const packageIdOf = (pipelineId: string, epoch: number): string => `hof-${pipelineId.slice(3)}-${epoch}`;

/** The handoff of a phase change. `count` tells the ones apart that were begun anew after a fix. */
export function transitionIdOf(
  subject: { session: string; pipelineId: string },
  from: string,
  to: string,
  count: number,
): string {
  const plain = (text: string, most: number): string => text.replaceAll(':', '-').slice(0, most);
  return `${plain(subject.session, 28)}.${plain(from, 20)}-to-${plain(to, 20)}.${subject.pipelineId.slice(-43)}.${count}`;
}
