import { expect, test } from 'vitest';
import type { Procedure } from '../../src/core/procedure.js';
import { AGENTS } from '../rig/rig.js';
import { withStage } from './with-stage.js';

const on = withStage();

const SHARE: Procedure = {
  procedure_id: 'SHARE',
  version: '1.0.0',
  name: 'Share the figures',
  steps: [
    { step_id: 'share', name: 'Share', action: 'sync_state', with: { what: ['context'] } },
    { step_id: 'confirm', name: 'Ask the Receiver', action: 'confirm' },
  ],
  rollback_procedures: [{ rollback_id: 'put_back', name: 'Put back', steps: ['share'] }],
};

const THEIRS = { rows: 99 };
/** What each choice is called, what comes of it, and what the place then has. */
const WAYS = [
  ['Keep theirs', 'kept_theirs', THEIRS],
  ['Restore before', 'restored_before', { rows: 1 }],
  ['Merge', 'merged', { rows: 120, note: 'both' }],
  ['Resolve', 'resolved_by_hand', THEIRS],
] as const;

test.for(WAYS)(
  "an undo that met somebody else's change is ended on the page by %s",
  async ([label, result, then], ctx) => {
    const s = on(ctx);
    await s.rig.client.addProcedure(SHARE);
    const session = `s-conflict-${result}`;
    await s.rig.client.sessions.setPhase(session, 8, 'completed', 'setup');
    await s.rig.client.sessions.set(session, 'figures', { rows: 1 }, 'setup');
    const over = { session, artifacts: [], context: { figures: { rows: 120 } } };
    const id = await s.rig.start('SHARE', over);
    await s.rig.untilStatus(id, 'awaiting_acceptance');
    await s.rig.client.sessions.set(session, 'figures', THEIRS, 'somebody else');
    await s.rig.client.reject(id, { by: AGENTS.target, reason: 'the figures are old' });

    const { page, complaints } = await s.as('operator', '#/');
    const card = page.getByRole('article', { name: `Incident inc-1 of ${id}` });
    await card.getByText(`context:${session}/figures`).first().waitFor();
    expect(await card.getByRole('button').allInnerTexts()).toEqual([
      'Keep theirs',
      'Restore before',
      'Merge',
      'Resolve',
      'Retry',
    ]);
    for (const side of ['Ours', 'Theirs', 'Before']) await card.getByText(side, { exact: true }).waitFor();
    await card.getByRole('button', { name: label, exact: true }).click();
    const dialog = page.getByRole('dialog');
    if (label === 'Merge') await dialog.getByLabel(/^The value/).fill(JSON.stringify(then));
    await dialog.getByLabel('Why').fill('we looked at it together');
    await dialog.getByRole('button', { name: label, exact: true }).click();
    await card.waitFor({ state: 'detached' });
    const outcome = await s.rig.client.result(id);
    expect(outcome.undone.find((u) => u.resource?.endsWith('/figures'))).toMatchObject({ result });
    const entry = (await s.rig.client.sessions.context(session)).find((e) => e.key === 'figures');
    expect(JSON.parse(entry!.value)).toEqual(then);
    expect(complaints).toEqual([]);
  },
);
