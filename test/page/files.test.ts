import { expect, test } from 'vitest';
import { withStage } from './with-stage.js';

const on = withStage();

const JUNIT = '<testsuite name="s" tests="2"><testcase name="a"/><testcase name="b"/></testsuite>';
const junit = (name: string) => ({ name, mimeType: '', buffer: Buffer.from(JUNIT) });

test('a file is attached for a component, is there to be had, is taken away; handed in, another is a fact', async (ctx) => {
  const s = on(ctx);
  const id = await s.draft('r-files');
  const { page, complaints } = await s.as('author', `#/reports/${id}`);
  const files = page.getByRole('region', { name: 'Attachments' });
  await files.getByText('No files.').waitFor();
  await files.getByText('Attach a file').click();
  await files.getByLabel('It proves something of').selectOption('retry_mechanisms');
  const chosen = files.getByLabel('File', { exact: true });
  await chosen.setInputFiles(junit('tests ü.xml'));
  await files.getByRole('button', { name: 'Attach', exact: true }).click();
  const row = files.getByRole('row', { name: /tests ü\.xml/ });
  await row.getByText('retry mechanisms').waitFor();
  // Nothing is chosen any more: the next press does not send the same file again.
  expect(await chosen.inputValue()).toBe('');
  const down = page.waitForEvent('download');
  await row.getByRole('link', { name: 'tests ü.xml' }).click();
  const file = await down;
  expect(file.suggestedFilename()).toBe('tests ü.xml');
  const parts: Buffer[] = [];
  for await (const part of await file.createReadStream()) parts.push(part as Buffer);
  expect(Buffer.concat(parts).toString()).toBe(JUNIT);

  await row.getByRole('button', { name: 'Take away' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take away' }).click();
  await files.getByText('No files.').waitFor();
  const { attachments, version } = await s.call('author', 'GET', `/reports/${id}`);
  expect([attachments, version]).toEqual([[], 3]);

  // Once it is handed in, what the file says is a fact.
  await chosen.setInputFiles(junit('again.xml'));
  await files.getByRole('button', { name: 'Attach', exact: true }).click();
  await files.getByRole('row', { name: /again\.xml/ }).waitFor();
  await page.getByRole('button', { name: 'Submit', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Submit' }).click();
  const facts = page.getByRole('region', { name: 'Facts' });
  await facts
    .getByRole('row', { name: /junit in again\.xml/ })
    .getByText('2 of 2 passed')
    .waitFor();
  expect(complaints).toEqual([]);
});

test('a file that cannot be is refused in words; one whose answer was lost is not taken for the next', async (ctx) => {
  const s = on(ctx);
  const id = await s.draft('r-refused');
  const { page } = await s.as('author', `#/reports/${id}`);
  const files = page.getByRole('region', { name: 'Attachments' });
  await files.getByText('Attach a file').click();
  const chosen = files.getByLabel('File', { exact: true });
  const send = files.getByRole('button', { name: 'Attach', exact: true });
  await chosen.setInputFiles({ name: 'run.exe', mimeType: 'application/x-msdownload', buffer: Buffer.from('MZ') });
  await send.click();
  await files.getByRole('alert').filter({ hasText: 'is not taken here' }).waitFor();

  // The service takes it, but its answer does not come through.
  let lost = 0;
  await page.route('**/attachments?**', async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch();
    return route.abort();
  });
  // Nor does the page hear of it before the next file is sent.
  let blind = true;
  await page.route(`**/reports/${id}`, (route) => (blind ? route.abort() : route.continue()));
  await chosen.setInputFiles(junit('a.xml'));
  await send.click();
  await files.getByRole('alert').filter({ hasText: 'UNREACHABLE' }).waitFor();
  await chosen.setInputFiles(junit('b.xml'));
  await send.click();
  await files.getByRole('alert').filter({ hasText: 'PRECONDITION_FAILED' }).waitFor();
  blind = false;
  await files.getByRole('row', { name: /a\.xml/ }).waitFor();
  await send.click();
  await files.getByRole('row', { name: /b\.xml/ }).waitFor();
  const { attachments } = await s.call('author', 'GET', `/reports/${id}`);
  expect(attachments.map((a) => a.name)).toEqual(['a.xml', 'b.xml']);
});
