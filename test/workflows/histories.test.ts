import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { hostname, tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { workflowIdOf } from '../../src/core/ids.js';
import { workflowBundle } from '../../src/temporal/bundle.js';
import { historyFromJson } from '../../src/temporal/history-json.js';
import { mapTexts } from '../rig/history-texts.js';
import { PIPELINE_SITUATION, goldenPipelineId } from '../rig/record-pipelines.js';
import { goldenReportId } from '../rig/record-reports.js';
import { goldenId, recordHistories } from '../rig/record-histories.js';

// A run that began under an older version must go on under this one. A version that has been released is recorded once
// and never again; before its release: `HANDOFF_RECORD=0.1.0 npx vitest run test/workflows/histories.test.ts`.
const versions = [process.env['HANDOFF_RECORD'] ?? []].flat();
const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', 'histories');
const recorded = (): string[] => readdirSync(folder).filter((f) => f.endsWith('.json'));
mkdirSync(folder, { recursive: true });

test.each(versions)('records %s', { timeout: 120_000 }, async (version) => {
  const written = await recordHistories(folder, version);
  console.log(`[histories] recorded ${written.map((f) => path.basename(f)).join(', ')}`);
  expect(written.length).toBeGreaterThan(0);
});

test('there are recorded histories', () => {
  expect(recorded().length).toBeGreaterThanOrEqual(12);
});

test.each(recorded())('%s replays with the workflow code of today, and names nothing of the machine', async (file) => {
  const situation = /^\d+\.\d+\.\d+-(.+)\.json$/.exec(file)![1]!;
  const all = readFileSync(path.join(folder, file), 'utf8');
  await Worker.runReplayHistory(
    { workflowBundle: workflowBundle(), replayName: situation },
    historyFromJson(all),
    goldenPipelineId(situation) ?? goldenReportId(situation) ?? workflowIdOf(goldenId(situation)),
  );
  const texts: string[] = [];
  mapTexts(JSON.parse(all), (text) => (texts.push(text), text));
  const said = texts.join('\n');
  const pipeline = PIPELINE_SITUATION.exec(situation)?.[1];
  const id = goldenReportId(situation) ? 'reportId' : 'handoffId';
  expect(said).toContain(pipeline ? `"session":"golden-${pipeline}"` : `"${id}":"${goldenId(situation)}"`);
  const told = /\/(tmp|root|home|Users|var)\/|\d+@(?!host\b)[\w-]+/.exec(said)?.[0];
  expect(told, 'a path or a process of some machine').toBeUndefined();
  for (const name of [hostname(), tmpdir(), `/${userInfo().username}/`]) expect(said).not.toContain(name);
});
