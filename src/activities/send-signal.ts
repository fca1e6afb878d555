import { isGrpcServiceError, type Client } from '@temporalio/client';
import { encodeToPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { HandoffError } from '../core/errors.js';
import type { TriggerPayload, TriggerSpec } from '../core/trigger.js';

const TIMEOUT_MS = 10_000;
/** Codes of gRPC that no retry mends: INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION, UNIMPLEMENTED, UNAUTHENTICATED. */
const REFUSED: ReadonlySet<number> = new Set([3, 5, 7, 9, 12, 16]);

/**
 * Sends a signal under a request id that follows from the effect's key: the server drops a repetition, for as long as the
 * run that got it is the same. Throws TRIGGER_REFUSED, TRIGGER_FAILED.
 */
export async function sendSignal(
  client: Client,
  { workflowId, signalName, runId = '', args }: NonNullable<TriggerSpec['signal']>,
  payload: TriggerPayload,
  key: string,
): Promise<Record<string, unknown>> {
  const { namespace, identity, loadedDataConverter } = client.options;
  const payloads = await encodeToPayloads(loadedDataConverter, ...(args ?? [payload]));
  try {
    await client.connection.withDeadline(Date.now() + TIMEOUT_MS, () =>
      client.workflowService.signalWorkflowExecution({
        namespace,
        identity,
        requestId: key,
        signalName,
        workflowExecution: { workflowId, runId },
        input: { payloads: payloads ?? [] },
      }),
    );
  } catch (error) {
    if (!isGrpcServiceError(error)) throw error;
    const code = REFUSED.has(error.code) ? 'TRIGGER_REFUSED' : 'TRIGGER_FAILED';
    throw new HandoffError(code, { what: `workflow ${workflowId}`, why: error.details }, { cause: error });
  }
  return { workflowId, signalName };
}
