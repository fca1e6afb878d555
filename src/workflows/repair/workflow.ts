import { CancellationScope, allHandlersFinished, condition } from '@temporalio/workflow';
import { terminatedState, type HandoffOutcome } from '../../core/handoff.js';
import type { HandoffInput } from '../../core/request.js';
import type { RepairInput } from '../../core/task.js';
import { attachMessages } from '../handoff/messages.js';
import { rollback } from '../handoff/rollback.js';
import { Run } from '../handoff/run.js';
import { View } from '../handoff/view.js';

/**
 * Stands in for a run that was ended in Temporal without an undo: holds the incident, and takes the repair updates.
 * `rollback` (or `retryStep`) undoes what the ledger holds; `resolveIncident` records that it was resolved by hand.
 */
export async function repairHandoff(input: RepairInput): Promise<HandoffOutcome> {
  const { subject } = input;
  const procedure = {
    procedure_id: subject.procedure.id,
    version: subject.procedure.version,
    name: subject.procedure.id,
    steps: [],
  };
  const asInput: HandoffInput = {
    subject,
    definition: { inline: procedure },
    expiresInMs: 0,
    acceptance: 'explicit',
    clockWhilePaused: 'stop',
    expectsReturn: false,
  };
  const run = new Run(asInput, procedure, terminatedState(Date.now(), input.reason));
  attachMessages(run);
  return CancellationScope.nonCancellable(async () => {
    const view = new View(run);
    void view.follow();
    await condition(() => run.decisions.size > 0);
    const [decision] = run.decisions.values();
    await rollback(run, decision?.kind === 'resolve' ? { choice: 'by_hand' } : undefined);
    const report = await view.close('failed');
    await condition(allHandlersFinished);
    return report!;
  });
}
