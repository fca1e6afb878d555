import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { obtainChromium } from '../rig/chromium.js';
import { WebUi } from '../rig/web-ui.js';
import { SITUATIONS, type Situation } from './situations.js';
import { Stage } from './stage.js';

// Each situation, from a clean start to mended: looked at and mended in the Temporal Web UI only. With a folder in
// HANDOFF_SCREENSHOTS (`npm run screenshots`) it keeps a picture of each.
const pictures = process.env['HANDOFF_SCREENSHOTS'];
const NUMBERS = Object.keys(SITUATIONS) as Situation[];

let stage: Stage;
let ui: WebUi | undefined;
let why = 'no Chromium';
beforeAll(async () => {
  const executable = await obtainChromium((line) => console.log(`[browser] ${(why = line)}`));
  if (!executable) return;
  stage = await Stage.open();
  ui = await WebUi.open(executable, stage.uiUrl);
}, 300_000);
afterAll(async () => {
  await ui?.close();
  await stage?.close();
});

async function picture(name: string, height = 1150): Promise<void> {
  if (!pictures || !ui) return;
  mkdirSync(pictures, { recursive: true });
  await ui.page.waitForTimeout(800);
  const clip = { x: 0, y: 0, width: 1560, height };
  await ui.page.screenshot({ path: path.join(pictures, `${name}.png`), clip });
}

/** Brings a situation about and shows its page; gives what the metadata tab says. */
async function looked(ctx: TestContext, situation: Situation, says: RegExp): Promise<{ ui: WebUi; words: string }> {
  if (!ui) ctx.skip(why);
  await SITUATIONS[situation](stage, situation);
  const name = `${String(NUMBERS.indexOf(situation) + 1).padStart(2, '0')}-${situation}`;
  await ui.show(situation);
  await ui.timeline();
  await picture(`${name}-timeline`);
  const words = await ui.words(situation, says);
  await picture(`${name}-metadata`, 900);
  return { ui, words };
}

const outcome = async (id: string): Promise<string> => (await stage.client.result(id)).outcome;
const editor = { by: '@editor' };
const op = { by: 'op', reason: 'seen at 3 a.m.', incidentId: 'inc-1' };

describe('each situation, looked at and mended in the Web UI', { timeout: 90_000 }, () => {
  test('running: it says what is at work; cancelled, it is undone', async (ctx) => {
    const { ui, words } = await looked(ctx, 'running', /running since .* at work: Render the Report/);
    expect(words).toContain('@data-analyst → @editor');
    expect(words).toContain('A cancel now would undo: Render the Report, Share the Figures.');
    await ui.show('running');
    await ui.requestCancellation();
    expect(await outcome('running')).toBe('cancelled');
    expect(await stage.figures('running')).toBeUndefined();
  });

  test('paused: it says who paused it, and resumes', async (ctx) => {
    const { ui, words } = await looked(ctx, 'paused', /paused since .* waits for somebody to resume it/);
    expect(words).toContain('Paused by anna (operator)');
    expect(words).toContain('the printer is in use until noon');
    await ui.send('Signal', 'resume', { by: 'op' });
    await ui.words('paused', /awaiting acceptance since/);
    await ui.send('Update', 'accept', editor);
    await ui.words('paused', /the work is with @editor/);
    await ui.send('Update', 'complete', { ...editor, epoch: 1 });
    expect(await outcome('paused')).toBe('completed');
  });

  test('draining: it says what still ends', async (ctx) => {
    const { ui } = await looked(
      ctx,
      'draining',
      /draining since .* anna asked for a pause; Render the Report still ends/,
    );
    await ui.words('draining', /paused since/);
    await ui.send('Signal', 'resume', { by: 'op' });
    await ui.words('draining', /waits for @editor to accept/);
    await ui.send('Update', 'reject', { ...editor, reason: 'too late' });
    expect(await outcome('draining')).toBe('rejected');
    expect(stage.hasReport('draining')).toBe(false);
  });

  test('waiting for acceptance: it says for whom, since when, what to press', async (ctx) => {
    const id = 'waiting-for-acceptance';
    const { ui, words } = await looked(ctx, id, /awaiting acceptance since .* it waits for @editor to accept/);
    expect(words).toMatch(/Send an Update → accept \{"by": "@editor"\}/);
    expect(words).toMatch(/Expires at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
    await ui.send('Update', 'accept', editor);
    await ui.words(id, /Send an Update → complete \{"by": "you", "epoch": 1\}/);
    await ui.send('Update', 'complete', { ...editor, epoch: 1 });
    expect(await outcome(id)).toBe('completed');
    expect(stage.hasReport(id)).toBe(true);
  });

  test('step retrying: attempts and error are on the page of pending activities', async (ctx) => {
    const { ui } = await looked(ctx, 'step-retrying', /at work: Render the Report/);
    await ui.show('step-retrying');
    await expect.poll(() => ui.tab('Pending Activities'), { timeout: 20_000 }).toMatch(/the print server answers 503/);
    // Below it is a stack, which names places on this machine.
    await picture('05-step-retrying-activities', 580);
    await stage.untilShown('step-retrying', 'awaiting_acceptance');
    await ui.send('Update', 'accept', editor);
    await ui.send('Update', 'complete', { ...editor, epoch: 1 });
    expect(await outcome('step-retrying')).toBe('completed');
  });

  test('incident at a step: retried with amended input', async (ctx) => {
    const id = 'incident-at-a-step';
    const { ui, words } = await looked(ctx, id, /incident since .* it waits for an operator/);
    expect(words).toContain('step Render the Report failed: the print server answers 503');
    expect(words).toMatch(/Send an Update → retryStep \{"by": "you", "reason": "why", "incidentId": "inc-1"\}/);
    await ui.send('Update', 'retryStep', { ...op, input: { failures: 0 } });
    await ui.words(id, /waits for @editor to accept/);
    await ui.send('Update', 'accept', editor);
    await ui.send('Update', 'complete', { ...editor, epoch: 1 });
    expect(await outcome(id)).toBe('completed');
  });

  test('incident at an undo: ours, theirs and before are shown; theirs is kept', async (ctx) => {
    const id = 'incident-at-an-undo';
    const { ui, words } = await looked(ctx, id, /incident since .* it waits for an operator/);
    expect(words).toMatch(
      /the undo of Share the Figures met somebody else.s change of context:incident-at-an-undo\/figures/,
    );
    expect(words).toMatch(/ours: version 2 .*\n[\s\S]*theirs: version 3 .*\n[\s\S]*before: version 1 /);
    await ui.send('Update', 'resolveIncident', { ...op, choice: 'keep_theirs' });
    expect(await outcome(id)).toBe('rejected');
    expect(await stage.figures(id)).toEqual({ rows: 99 });
  });

  test('compensating: it says why, and how far it is', async (ctx) => {
    const { ui, words } = await looked(ctx, 'compensating', /compensating since .* undoing what was done/);
    expect(words).toContain('It is undone because @editor: the figures are old.');
    expect(await outcome('compensating')).toBe('rejected');
    await ui.show('compensating');
    expect(stage.hasReport('compensating')).toBe(false);
  });

  test('expired: it says that nobody accepted it, and that it is undone', async (ctx) => {
    const { ui, words } = await looked(ctx, 'expired', /expired at /);
    await ui.show('expired');
    expect(await ui.page.content()).not.toContain('ending.ts');
    expect(words).toMatch(/clock: nobody accepted it in time\. 2 effects were undone\./);
    expect(words).toContain('↶ Share the Figures — undone');
  });

  test('completed: it says what was handed over', async (ctx) => {
    const { words } = await looked(ctx, 'completed', /completed at /);
    expect(words).toContain('@data-analyst handed over to @editor.');
  });

  test('the list shows at one glance what waits, and why', async (ctx) => {
    if (!ui) ctx.skip(why);
    const ids = ['running', 'paused', 'waiting-for-acceptance', 'incident-at-a-step', 'incident-at-an-undo'] as const;
    for (const id of ids) await SITUATIONS[id](stage, `list-${id}`);
    await expect
      .poll(() => ui!.list(), { timeout: 20_000 })
      .toEqual(
        expect.arrayContaining([
          expect.stringMatching(/Running handoff\/list-running running @editor/),
          expect.stringMatching(/handoff\/list-paused paused paused by anna: the printer is in use until noon @editor/),
          expect.stringMatching(
            /handoff\/list-waiting-for-acceptance awaiting_acceptance waits for acceptance @editor/,
          ),
          expect.stringMatching(/handoff\/list-incident-at-a-step incident incident inc-1: render \(ACTION_FAILED\)/),
          expect.stringMatching(
            /handoff\/list-incident-at-an-undo incident incident inc-1: undo of share \(UNDO_CONFLICT\)/,
          ),
        ]),
      );
    await picture('00-list');
    const blocked = await ui!.list("HandoffReasonBlocked IS NOT NULL AND ExecutionStatus = 'Running'");
    expect(blocked.length).toBeGreaterThanOrEqual(4);
    expect(blocked.join('\n')).not.toContain('list-running');
    await picture('00-list-needs-a-person');
  });
});
