// A procedure whose one effect a test holds and fails by files in the data folder: `<id>.hold` as long as it is there,
// `<id>.fail` at each attempt.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const work = {
  name: 'gated_work',
  async run({ task, effect, storage }) {
    const file = (what) => path.join(storage.folder, `${task.subject.handoffId}.${what}`);
    return effect('it', {}, async () => {
      while (existsSync(file('hold'))) await sleep(50);
      if (existsSync(file('fail'))) throw new Error('the gate is shut');
    });
  },
  async undo() {},
};

const gated = (procedure_id, steps) => ({
  procedure_id,
  version: '1.0.0',
  name: 'Gated work',
  on_failure: 'hold',
  steps,
  rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['work'] }],
});
const step = {
  step_id: 'work',
  name: 'Work',
  action: 'gated_work',
  timeout: 600,
  retry: { maximum_attempts: 1 },
};

export default {
  actions: [work],
  procedures: [
    gated('GATED_WORK', [step]),
    gated('GATED_WORK_AND_ASK', [step, { step_id: 'ask', name: 'Ask', action: 'confirm' }]),
  ],
};
