// Actions and procedures of crash tests. What an action does to the world is a line in a file, which a test can count.
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/common';

const linesOf = (file) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);

/** A receiver that honours keys: the same line twice counts once. `calls` shows how often it was really asked. */
const sendLine = {
  name: 'send_line',
  async run({ task, content, effect }) {
    const file = String(content.metadata.lines);
    await effect('line', { file, undoMs: content.metadata.undoMs ?? 0 }, async (key) => {
      appendFileSync(`${file}.calls`, `act ${process.pid}\n`);
      if (!linesOf(file).includes(key)) appendFileSync(file, `${key}\n`);
      return { file };
    });
    const passes = () => existsSync(path.join(content.metadata.folder, `${task.subject.handoffId}.passes`));
    if (task.with.fails && !passes())
      throw ApplicationFailure.create({ type: 'GATE_CLOSED', message: 'sent, and yet failed', nonRetryable: true });
    return { sent: 1 };
  },
  async undo({ key, data }) {
    appendFileSync(`${data.file}.calls`, `undo ${process.pid}\n`);
    if (existsSync(`${data.file}.refuses`)) throw new Error('the receiver refuses to take it back');
    const left = linesOf(data.file).filter((l) => l !== key);
    if (left.length > 0) writeFileSync(data.file, left.map((l) => `${l}\n`).join(''));
    else rmSync(data.file, { force: true });
    // Whoever sends during this time is not taken back.
    if (data.undoMs) await sleep(data.undoMs);
  },
};

/** Has no effect; fails for good where the request says so, and counts its starts. */
const gate = {
  name: 'gate',
  async run({ task, content }) {
    const { folder, fail, slowMs } = content.metadata;
    appendFileSync(path.join(folder, `${task.subject.handoffId}.starts`), `${task.step}\n`);
    if (slowMs) await sleep(slowMs);
    const passes = existsSync(path.join(folder, `${task.subject.handoffId}.passes`));
    if (fail && !passes)
      throw ApplicationFailure.create({ type: 'GATE_CLOSED', message: 'the gate is closed', nonRetryable: true });
  },
};

/** Fails until it may pass, retryably. */
const flaky = {
  name: 'flaky',
  async run({ task, content }) {
    const file = path.join(content.metadata.folder, `${task.subject.handoffId}.starts`);
    appendFileSync(file, `${task.step}\n`);
    if (linesOf(file).length < content.metadata.passesAt) throw new Error('not yet');
  },
};

export const actions = [sendLine, gate, flaky];

const rollback_procedures = [{ rollback_id: 'back', name: 'Back', steps: ['bring', 'sync', 'send'] }];
const whole = (over = {}) => [
  {
    step_id: 'bring',
    name: 'Bring',
    action: 'transfer',
    with: { what: ['context', 'artifacts'] },
    compensation: 'back',
    ...over,
  },
  { step_id: 'sync', name: 'Synchronise', action: 'sync_state', compensation: 'back', ...over },
  { step_id: 'send', name: 'Send', action: 'send_line', compensation: 'back', ...over },
  { step_id: 'gate', name: 'Gate', action: 'gate', compensation: 'irreversible' },
];

export const procedures = [
  // Every kind of effect; its gate decides whether it completes or is undone.
  { procedure_id: 'CRASH_WHOLE', version: '1.0.0', name: 'Every kind of effect', steps: whole(), rollback_procedures },
  // The same, with attempts that soon overlap.
  {
    procedure_id: 'CRASH_OVERLAP',
    version: '1.0.0',
    name: 'Attempts that overlap',
    steps: whole({ timeout: 1.5, retry: { maximum_attempts: 3, initial_interval: 0.2 } }),
    rollback_procedures,
  },
  // One attempt only: the first that stalls is rolled back.
  {
    procedure_id: 'CRASH_ONCE',
    version: '1.0.0',
    name: 'One attempt each',
    steps: whole({ timeout: 2.5, retry: { maximum_attempts: 1 } }),
    rollback_procedures,
  },
  {
    procedure_id: 'CRASH_HOLD',
    version: '1.0.0',
    name: 'Holds where it fails',
    on_failure: 'hold',
    steps: whole(),
    rollback_procedures,
  },
  // A transfer that takes longer than its time-out, in one attempt, and then waits for its target.
  {
    procedure_id: 'CRASH_SLICES',
    version: '1.0.0',
    name: 'Brings more than fits into a time-out',
    steps: [
      {
        step_id: 'bring',
        name: 'Bring',
        action: 'transfer',
        with: { what: ['artifacts'] },
        timeout: 2,
        retry: { maximum_attempts: 1 },
      },
      { step_id: 'ask', name: 'Ask', action: 'confirm' },
    ],
    rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['bring'] }],
  },
  // One effect, and then it waits for its target.
  {
    procedure_id: 'CRASH_ASK',
    version: '1.0.0',
    name: 'Sends and asks',
    steps: [
      { step_id: 'send', name: 'Send', action: 'send_line', compensation: 'back' },
      { step_id: 'ask', name: 'Ask', action: 'confirm' },
    ],
    rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['send'] }],
  },
  // A check at the end, which is local again after a regular step.
  {
    procedure_id: 'CRASH_CHECKED',
    version: '1.0.0',
    name: 'Is checked at its end',
    steps: [
      { step_id: 'send', name: 'Send', action: 'send_line', compensation: 'back' },
      { step_id: 'check', name: 'Check', action: 'validate', rules: ['VR001'] },
    ],
    rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['send'] }],
  },
  // A check before its second step, which is local again after a regular one.
  {
    procedure_id: 'CRASH_GUARDED',
    version: '1.0.0',
    name: 'Is checked before its gate',
    steps: [
      { step_id: 'send', name: 'Send', action: 'send_line', compensation: 'back' },
      { step_id: 'gate', name: 'Gate', action: 'gate', rules: ['VR001'], compensation: 'irreversible' },
    ],
    rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['send'] }],
  },
  // Fails once its line is sent.
  {
    procedure_id: 'CRASH_SENT',
    version: '1.0.0',
    name: 'Holds after it was sent',
    on_failure: 'hold',
    steps: whole().map((s) => (s.step_id === 'send' ? { ...s, with: { fails: true } } : s)),
    rollback_procedures,
  },
  // An attempt that stalls is given up, and runs on.
  {
    procedure_id: 'CRASH_STALL',
    version: '1.0.0',
    name: 'Holds where it stalls',
    on_failure: 'hold',
    steps: whole({ timeout: 2, retry: { maximum_attempts: 1 } }),
    rollback_procedures,
  },
  {
    procedure_id: 'CRASH_FLAKY',
    version: '1.0.0',
    name: 'Fails at first',
    steps: [
      whole()[0],
      {
        step_id: 'flaky',
        name: 'Flaky',
        action: 'flaky',
        compensation: 'irreversible',
        retry: { maximum_attempts: 4, initial_interval: 2, backoff_coefficient: 1 },
      },
    ],
    rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['bring'] }],
  },
];
