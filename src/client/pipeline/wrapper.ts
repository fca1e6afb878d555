import { HandoffError } from '../../core/errors.js';
import type { PipelineHandoffPackage } from '../../core/package/package.js';
import type { PipelineResult } from '../../core/pipeline/task.js';
import type { HandoffManager } from '../../packages/handoff-manager.js';
import type { PipelineClient } from './pipelines.js';
import type { TransferResult } from './steer.js';

/** Who acts where nobody says: as in packages. */
const BY = 'system';

/** `pause`, `resume` and `transfer` of pipelines by the names and results of the document that they come from. */
export class HandoffPipelineWrapper {
  private readonly pipelines: PipelineClient;

  /**
   * `pipeline`: a HandoffClient, or its `pipelines`. The manager may be given, and is not needed: the workers make and
   * take up the packages, in the storage that they share with the client.
   */
  constructor(pipeline: PipelineClient | { pipelines: PipelineClient }, _handoffManager?: HandoffManager) {
    this.pipelines = 'pipelines' in pipeline ? pipeline.pipelines : pipeline;
  }

  /** The package of where it stands once the step at work has ended. Throws PIPELINE_NOT_RUNNING. */
  pause(sessionId: string, reason?: string): Promise<PipelineHandoffPackage> {
    return this.pipelines.pause(sessionId, { by: BY, ...(reason ? { reason } : {}) });
  }

  /**
   * Goes on from a package, and resolves when the pipeline has ended: a later pause, resume or transfer is waited out.
   * Throws PIPELINE_RESUME_FAILED at once, and PIPELINE_FAILED when a step fails for good: mended, its package is
   * resumed in the same way.
   */
  async resume(handoffId: string): Promise<PipelineResult> {
    const { session } = await this.pipelines.resume(handoffId, { by: BY });
    for await (const { state } of this.pipelines.follow(session)) {
      const { status, failure, checkpoint } = state;
      if (status !== 'failed' || !checkpoint || !failure) continue;
      const { phase, step, message: why } = failure;
      throw new HandoffError('PIPELINE_FAILED', {
        session,
        step: `${phase}/${step}`,
        why,
        package: checkpoint.packageId,
      });
    }
    return this.pipelines.result(session);
  }

  /** Has the rest run in another process, named by its task queue. Throws PIPELINE_NOT_RUNNING. */
  transfer(sessionId: string, targetProcess: string): Promise<TransferResult> {
    return this.pipelines.transfer(sessionId, targetProcess, { by: BY });
  }
}
