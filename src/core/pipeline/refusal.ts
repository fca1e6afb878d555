import type { ErrorCode, ErrorParams } from '../errors.js';
import { faultOfPipelineMessage } from './message.js';
import { PIPELINE_LIFE, shownPipeline, type PipelineMessageName, type PipelineState } from './pipeline.js';

/** Why a message does not fit a pipeline at this moment; undefined where it does. Client and run ask the same. */
export function refusePipeline(
  session: string,
  s: PipelineState,
  name: PipelineMessageName,
  message: unknown,
): { code: ErrorCode; params: ErrorParams } | undefined {
  const why = faultOfPipelineMessage(name, message);
  if (why) return { code: 'INVALID_MESSAGE', params: { message: name, why } };
  const { packageId, holder } = message as { packageId?: string | null; holder?: string };
  // One that is paused can still be held by its parent as well.
  if (name === 'pause' && s.status === 'paused' && holder === 'parent') return undefined;
  if (PIPELINE_LIFE[s.status].accepts.includes(name) && !s.ending) {
    if (name === 'resume' && s.status === 'failed' && !s.checkpoint && !s.unwritten)
      return { code: 'PIPELINE_RESUME_FAILED', params: { why: 'its package is still being written' } };
    if (name === 'resume' && s.moveTo && s.checkpoint)
      return {
        code: 'PIPELINE_RESUME_FAILED',
        params: { why: `it is on its way to task queue ${s.moveTo.taskQueue}` },
      };
    if (name !== 'resume' || !packageId || packageId === s.checkpoint?.packageId) return undefined;
    const present = s.checkpoint
      ? `it is superseded by ${s.checkpoint.packageId}`
      : 'the pipeline waits with no package';
    return {
      code: 'PIPELINE_RESUME_FAILED',
      params: { why: `Handoff package ${packageId} is not the present one: ${present}` },
    };
  }
  const status = shownPipeline(s);
  if (name === 'resume')
    return { code: 'PIPELINE_RESUME_FAILED', params: { why: `the pipeline of session ${session} is ${status}` } };
  return { code: 'PIPELINE_NOT_RUNNING', params: { session, status } };
}
