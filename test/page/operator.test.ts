import { expect, test } from 'vitest';
import { AGENTS } from '../rig/rig.js';
import { isFocused } from './in-page.mjs';
import { withStage } from './with-stage.js';

const on = withStage();

const bare = { artifacts: [], context: {} };

test('an incident shows by itself, is retried with a reason, and goes on to the inbox, is accepted and completed', async (ctx) => {
  const s = on(ctx);
  const { page, complaints } = await s.as('operator');
  await page.getByText('No open incidents').waitFor();
  await page.getByText('● live').waitFor();
  s.printer.broken = true;
  const id = await s.rig.start('PRINT', bare);
  // Nobody reloads.
  const card = page.getByRole('article', { name: `Incident inc-1 of ${id}` });
  await card.waitFor();
  await card.getByText('the print server answers 503').waitFor();
  await expect.poll(() => page.title()).toMatch(/^\(1\) /);
  await s.picture(page, '11-page-waiting');
  expect(await card.getByRole('button').allInnerTexts()).toEqual(['Retry', 'Skip', 'Resolve', 'Roll back']);
  // It asks first; Escape does nothing, and brings the focus back.
  await card.getByRole('button', { name: 'Retry' }).click();
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(await card.getByRole('button', { name: 'Retry' }).evaluate(isFocused)).toBe(true);
  s.printer.broken = false;
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Try the step again, with the same input').waitFor();
  await dialog.getByLabel('Why').fill('the printer has paper again');
  await dialog.getByRole('button', { name: 'Retry' }).click();
  await page.getByText('No open incidents').waitFor();
  await s.rig.untilStatus(id, 'awaiting_acceptance');

  const { page: inbox, complaints: more } = await s.as('target', '#/inbox');
  const offer = inbox.getByRole('article', { name: `Offer ${id}` });
  await offer.getByRole('button', { name: 'Accept' }).click();
  await inbox.getByRole('dialog').getByRole('button', { name: 'Accept' }).click();
  const held = inbox.getByRole('article', { name: `Accepted ${id}` });
  await held.getByRole('button', { name: 'Complete' }).click();
  await inbox.getByRole('dialog').getByLabel('Note').fill('printed and bound');
  await inbox.getByRole('dialog').getByRole('button', { name: 'Complete' }).click();
  expect(await s.rig.client.result(id)).toMatchObject({ outcome: 'completed', by: AGENTS.target });
  await held.waitFor({ state: 'detached' });

  await page.goto(`${s.base}/#/handoffs/${id}`);
  await page
    .getByRole('row', { name: /Print the report/ })
    .getByText('finished')
    .waitFor();
  const link = page.getByRole('link', { name: 'its history in the Web UI' });
  expect(await link.getAttribute('href')).toBe(`http://127.0.0.1:1/namespaces/default/workflows/handoff%2F${id}`);
  expect([...complaints, ...more]).toEqual([]);
});

test('a handoff is paused and resumed on its page, and refused with a reason', async (ctx) => {
  const s = on(ctx);
  s.printer.broken = false;
  const id = await s.rig.start('PRINT', bare);
  await s.rig.untilStatus(id, 'awaiting_acceptance');
  const { page } = await s.as('author', `#/handoffs/${id}`);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog').getByLabel('Why').fill('the printer is in use until noon');
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
  await page
    .getByText(/the printer is in use until noon/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  // What only the target may does not stand there.
  expect(await page.getByRole('button', { name: 'Accept' }).count()).toBe(0);

  const { page: target } = await s.as('target', '#/inbox');
  await target
    .getByRole('article', { name: `Offer ${id}` })
    .getByRole('button', { name: 'Reject' })
    .click();
  await target.getByRole('dialog').getByLabel('Why').fill('no time before Monday');
  await target.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
  expect(await s.rig.client.result(id)).toMatchObject({ outcome: 'rejected', reason: 'no time before Monday' });
  await page
    .getByText(/no time before Monday/)
    .first()
    .waitFor();
  await page.getByRole('row', { name: 'Confirm' }).getByText('stopped').waitFor();
});
