import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { workflowIdOf } from '../../src/core/ids.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { OwnActions, note, procedure } from '../handoff/own-actions.js';
import { historyToJson } from '../../src/temporal/history-json.js';
import { mapTexts } from './history-texts.js';
import { goldenPhases, recordPipelines } from './record-pipelines.js';
import { recordReport } from './record-reports.js';
import { AGENTS, Rig } from './rig.js';

const by = { by: 'operator', reason: 'recorded' };
const bare = { artifacts: [], context: {} };

const STEPS = [
  note('first'),
  note('left', { depends_on: ['first'] }),
  note('right', { depends_on: ['first'], with: { fail: 9 } }),
];
const PROCEDURES = [
  procedure('GOLDEN_FAILS', STEPS),
  procedure('GOLDEN_HOLDS', STEPS, { on_failure: 'hold' }),
  procedure('GOLDEN_LARGE', [note('only', { with: { padding: 'x'.repeat(17_000) } })]),
];

interface Situation {
  procedure: string;
  request?: Partial<HandoffRequest>;
  /** What happens to it before it ends by itself. */
  drive?: (rig: Rig, id: string) => Promise<unknown>;
}

const untilIncident = (rig: Rig, id: string, incident: string) =>
  rig.until(id, (s) => s.state?.incidents[0]?.id === incident);
const offered = (rig: Rig, id: string) => rig.untilStatus(id, 'awaiting_acceptance');
async function acceptAndComplete(rig: Rig, id: string): Promise<void> {
  await offered(rig, id);
  const { epoch } = await rig.client.accept(id, { by: AGENTS.target, leaseMinutes: 30 });
  await rig.client.complete(id, { by: AGENTS.target, epoch });
}

/** What is recorded: one history for each, named `<version>-<situation>.json`. */
const SITUATIONS: Record<string, Situation> = {
  'phase-transition-completed': { procedure: 'PHASE_TRANSITION_STANDARD' },
  'agent-handoff-completed': { procedure: 'AGENT_HANDOFF_STANDARD', drive: acceptAndComplete },
  'paused-resumed': {
    procedure: 'AGENT_HANDOFF_STANDARD',
    drive: async (rig, id) => {
      await offered(rig, id);
      await rig.client.pause(id, { ...by, until: new Date(Date.now() + 3_600_000).toISOString() });
      await rig.until(id, (s) => s.state?.holds.operator !== undefined);
      await rig.client.extend(id, { by: 'operator', minutes: 5 });
      await rig.client.resume(id, { by: 'operator' });
      await rig.until(id, (s) => s.state?.holds.operator === undefined);
      await acceptAndComplete(rig, id);
    },
  },
  'contract-triggered-late': {
    procedure: 'CONTRACT_HANDOFF_STANDARD',
    request: {
      contract: { contract: { sends: {} }, timing: { phase_8_expected_end: '2026-01-13T11:30:00Z' } },
      // Nobody takes the child, which is none of this history.
      trigger: { workflow: { type: 'nobody', taskQueue: 'nobody' } },
    },
  },
  'contract-returned': {
    procedure: 'AGENT_HANDOFF_STANDARD',
    request: {
      contract: {
        expects_in_return: {
          'app.json': { critical: true, expected_in: 60, timeout_minutes: 120, if_missing: 'retry', format: 'json' },
          tests: { type: 'directory' },
        },
      },
    },
    drive: async (rig, id) => {
      await offered(rig, id);
      const { epoch } = await rig.client.accept(id, { by: AGENTS.target });
      await rig.file('bad.json', '{');
      await rig.file('app.json', '{}');
      const submit = (file: string) =>
        rig.client.submitReturn(id, { by: AGENTS.target, epoch, artifacts: [{ name: 'app.json', path: file }] });
      await submit('bad.json');
      await rig.client.pause(id, by);
      await rig.until(id, (s) => s.state?.holds.operator !== undefined);
      await rig.client.resume(id, { by: 'operator' });
      await rig.until(id, (s) => s.state?.holds.operator === undefined);
      await submit('app.json');
      await rig.client.complete(id, { by: AGENTS.target, epoch });
    },
  },
  'failed-undone': { procedure: 'GOLDEN_FAILS', request: bare },
  rejected: {
    procedure: 'AGENT_HANDOFF_STANDARD',
    drive: async (rig, id) => {
      await offered(rig, id);
      await rig.client.reject(id, { by: AGENTS.target, reason: 'recorded' });
    },
  },
  'cancelled-by-signal': {
    procedure: 'AGENT_HANDOFF_STANDARD',
    drive: async (rig, id) => {
      await offered(rig, id);
      await rig.client.cancel(id, by);
    },
  },
  'cancelled-by-temporal': {
    procedure: 'AGENT_HANDOFF_STANDARD',
    drive: async (rig, id) => {
      await offered(rig, id);
      await rig.temporal.workflow.getHandle(workflowIdOf(id)).cancel();
    },
  },
  expired: { procedure: 'AGENT_HANDOFF_STANDARD', request: { expiresInMinutes: 2 / 60 } },
  'incident-retried': {
    procedure: 'GOLDEN_HOLDS',
    request: bare,
    drive: async (rig, id) => {
      await untilIncident(rig, id, 'inc-1');
      await rig.client.retry(id, { ...by, incidentId: 'inc-1', input: { fail: 0 } });
    },
  },
  'incident-skipped': {
    procedure: 'GOLDEN_HOLDS',
    request: bare,
    drive: async (rig, id) => {
      await untilIncident(rig, id, 'inc-1');
      await rig.client.skip(id, { ...by, incidentId: 'inc-1' });
    },
  },
  'rolled-back-to-a-step': {
    procedure: 'GOLDEN_HOLDS',
    request: bare,
    drive: async (rig, id) => {
      await untilIncident(rig, id, 'inc-1');
      await rig.client.rollback(id, { ...by, incidentId: 'inc-1', toStep: 'first' });
      await untilIncident(rig, id, 'inc-2');
      await rig.client.retry(id, { ...by, incidentId: 'inc-2' });
      await untilIncident(rig, id, 'inc-3');
      await rig.client.retry(id, { ...by, incidentId: 'inc-3', input: { fail: 0 } });
    },
  },
  'large-definition': { procedure: 'GOLDEN_LARGE', request: bare },
};

/** The handoff that a recorded history is of: its own id is part of what the workflow checks. */
export const goldenId = (situation: string): string => `golden-${situation}`;

/** Plays every situation on the server of the test run and writes its history, without a word of this machine. */
export async function recordHistories(folder: string, version: string): Promise<string[]> {
  const notes = mkdtempSync(path.join(tmpdir(), 'handoff-golden-'));
  const { actions } = new OwnActions(notes);
  const rig = await Rig.create({
    actions,
    procedures: PROCEDURES,
    phases: goldenPhases,
    worker: { identity: 'worker@host' },
  });
  mkdirSync(folder, { recursive: true });
  try {
    const files: string[] = [];
    for (const [name, { procedure, request, drive }] of Object.entries(SITUATIONS)) {
      const id = await rig.start(procedure, { handoffId: goldenId(name), ...request });
      await drive?.(rig, id);
      await rig.client.result(id);
      const file = path.join(folder, `${version}-${name}.json`);
      writeFileSync(file, scrubbed(historyToJson(await rig.history(id)), [rig.folder, notes]));
      files.push(file);
    }
    files.push(await recordReport(rig, folder, version, (json) => scrubbed(json, [rig.folder, notes])));
    files.push(...(await recordPipelines(rig, folder, version, (json) => scrubbed(json, [rig.folder, notes]))));
    return files;
  } finally {
    await rig.close();
    rmSync(notes, { recursive: true, force: true });
  }
}

function scrubbed(json: string, folders: readonly string[]): string {
  const history: unknown = mapTexts(JSON.parse(json), (text, key) => {
    // Where the code stood says nothing to a replay.
    if (key === 'stackTrace') return '';
    const placeless = folders.reduce((out, folder) => out.replaceAll(folder, '/place'), text);
    return placeless
      .replaceAll(new RegExp(`\\b\\d+[@-]${hostname()}`, 'g'), 'client@host')
      .replaceAll(hostname(), 'host');
  });
  return `${JSON.stringify(history, null, 1)}\n`;
}
