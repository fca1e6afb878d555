import { ApplicationFailure, workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow';
import { errorMessage } from '../core/errors.js';
import { PROCEDURE_ID, RECONCILE_TYPE, REPAIR_TYPE } from '../core/ids.js';
import { PIPELINE_TYPE } from '../core/pipeline/ids.js';
import { REPORT_TYPE } from '../core/report/ids.js';
import { faultOfStart } from '../core/input-guard.js';
import { dropEarlyRuns } from './early-query.js';
import { own } from './own-types.js';

/**
 * Stands before every workflow of ours: what was started by hand with anything else than our client's input fails at
 * once. A type such as `toString` would otherwise run the function that every JavaScript object has under that name.
 */
export const interceptors = (): WorkflowInterceptors => ({
  internals: own.types.has(workflowInfo().workflowType) ? [] : [dropEarlyRuns()],
  inbound: [
    {
      async execute(input, next) {
        const { workflowType, workflowId, continuedFromExecutionRunId } = workflowInfo();
        if (own.types.has(workflowType)) return next(input);
        const known =
          PROCEDURE_ID.test(workflowType) ||
          [REPAIR_TYPE, RECONCILE_TYPE, PIPELINE_TYPE, REPORT_TYPE].includes(workflowType);
        // One of the user's that this worker does not have yet: it waits for a worker that has it, as it does without us.
        if (!known && own.shared) throw new TypeError(`no workflow ${workflowType.slice(0, 100)} is in the bundle`);
        const continued = continuedFromExecutionRunId !== undefined;
        const fault = known
          ? faultOfStart({ workflowType, workflowId, continued, input: input.args[0] })
          : `${workflowType.slice(0, 100)} is not a procedure id`;
        if (!fault) return next(input);
        const how =
          {
            [PIPELINE_TYPE]: 'pipelines with `handoff pipeline start`',
            [REPORT_TYPE]: 'reports with `handoff report create`',
          }[workflowType] ?? 'handoffs with HandoffClient or `handoff run`';
        const issues = `${fault}. Start ${how}`;
        throw ApplicationFailure.create({
          type: 'INVALID_REQUEST',
          nonRetryable: true,
          message: errorMessage('INVALID_REQUEST', { issues }),
        });
      },
    },
  ],
});
