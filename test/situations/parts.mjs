// What the ten situations are made of, for `handoff dev --module test/situations/parts.mjs`. A request's metadata says how
// the rendering of its report goes; an operator's input is laid over it.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const fileOf = (storage, handoff) => path.join(storage.root, 'reports', `${handoff}.txt`);

const howOf = ({ content, task }) => ({ ...content.metadata.render, ...task.with });

/** `seconds`: how long it takes; `failures`: attempts that fail; `undo_seconds`: how long taking it back takes. */
const render = (name, interruptible) => ({
  name,
  interruptible,
  async run(context) {
    const { seconds = 0, failures = 0, undo_seconds = 0 } = howOf(context);
    const { handoffId } = context.task.subject;
    await sleep(seconds * 1000, undefined, interruptible ? { signal: context.signal } : {});
    const tries = path.join(context.storage.root, 'reports', `${handoffId}.tries`);
    const failed = existsSync(tries) ? Number(readFileSync(tries, 'utf8')) : 0;
    mkdirSync(path.dirname(tries), { recursive: true });
    if (failed < failures) {
      writeFileSync(tries, String(failed + 1));
      throw new Error('the print server answers 503');
    }
    return context.effect('report', { undo_seconds }, async () => {
      const file = fileOf(context.storage, handoffId);
      writeFileSync(file, 'the report');
      return { pages: 12 };
    });
  },
  async undo(effect, { storage }) {
    await sleep(Number(effect.data.undo_seconds) * 1000);
    rmSync(fileOf(storage, effect.handoff), { force: true });
  },
});

const procedure = (procedure_id, name, action, retry) => ({
  procedure_id,
  version: '1.0.0',
  name,
  on_failure: 'hold',
  steps: [
    { step_id: 'check', name: 'Check the Receiver', action: 'validate', rules: ['VR004'] },
    { step_id: 'share', name: 'Share the Figures', action: 'sync_state', with: { what: ['context'] } },
    { step_id: 'render', name: 'Render the Report', action, retry, timeout: 120 },
    { step_id: 'confirm', name: 'Ask the Receiver', action: 'confirm' },
  ],
  rollback_procedures: [
    { rollback_id: 'withdraw', name: 'Withdraw the Figures', steps: ['share'] },
    { rollback_id: 'discard', name: 'Discard the Report', steps: ['render'] },
  ],
});

export default {
  actions: [render('render', false), render('render_live', true)],
  procedures: [
    procedure('NIGHTLY_REPORT', 'Nightly report', 'render', { maximum_attempts: 3, initial_interval: 8 }),
    procedure('WEEKLY_REPORT', 'Weekly report', 'render', { maximum_attempts: 1 }),
    procedure('LIVE_REPORT', 'Live report', 'render_live', { maximum_attempts: 3 }),
  ],
};
