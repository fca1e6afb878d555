import type { Action } from '../../activities/action.js';
import type { Effect } from '../../core/effect.js';
import type { Procedure } from '../../core/procedure.js';

/** All kinds of work a handoff has, with two deliveries to the checker: one before anything else moves, one as the last. */
const RELIABILITY_CHECKED: Procedure = {
  procedure_id: 'RELIABILITY_CHECKED',
  version: '1.0.0',
  name: 'Checked by its receiver',
  description: 'Checks, calls a receiver, moves artifacts, synchronises the state, and calls the receiver again.',
  steps: [
    { step_id: 'resource_check', name: 'Resource Check', action: 'validate', rules: ['VR002'] },
    { step_id: 'first_call', name: 'First Call', action: 'deliver_to_checker', timeout: 5, compensation: 'take_back' },
    {
      step_id: 'artifact_transfer',
      name: 'Artifact Transfer',
      action: 'transfer',
      with: { what: ['artifacts'] },
      compensation: 'take_back',
    },
    { step_id: 'state_sync', name: 'State Synchronization', action: 'sync_state', compensation: 'take_back' },
    { step_id: 'second_call', name: 'Second Call', action: 'deliver_to_checker', compensation: 'take_back' },
  ],
  validation_rules: [{ rule_id: 'VR002', name: 'Resource Availability Check', severity: 'critical' }],
  rollback_procedures: [
    {
      rollback_id: 'take_back',
      name: 'Take all back',
      steps: ['first_call', 'artifact_transfer', 'state_sync', 'second_call'],
    },
  ],
};

/** A receiver answers at once or is not there. */
const ANSWER_MS = 4000;

async function call(method: 'PUT' | 'DELETE', url: string, key: string, body?: unknown): Promise<void> {
  const answer = await fetch(`${url}/effects/${encodeURIComponent(key)}`, {
    method,
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (!answer.ok) throw new Error(`the checker answers ${answer.status}: ${await answer.text()}`);
}

/** Delivers what is handed over to the checker, under the effect's key; its undo takes it back. */
const deliverToChecker: Action = {
  name: 'deliver_to_checker',
  async run({ task, content, effect }) {
    const { handoffId: handoff } = task.subject;
    const url = content.metadata['checker'] ?? process.env['HANDOFF_CHECKER_URL'];
    if (typeof url !== 'string') throw new Error('no checker: set metadata.checker or HANDOFF_CHECKER_URL to its URL');
    const { artifacts, context } = content;
    const said = { handoff, call: `${task.step}/delivery`, content: JSON.stringify({ artifacts, context }) };
    await effect('delivery', { url }, (key) => call('PUT', url, key, said));
    return { delivered: 1 };
  },
  async undo({ key, data }: Effect) {
    await call('DELETE', String(data['url']), key);
  },
};

/** As `handoff worker --module` takes it. */
export default { procedures: [RELIABILITY_CHECKED], actions: [deliverToChecker] };
