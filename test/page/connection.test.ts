import { expect, test } from 'vitest';
import type { ReportView } from '../../src/core/report/view.js';
import { hrefs } from './in-page.mjs';
import { withStage } from './with-stage.js';

const on = withStage();

test('while the service is away the page says so, keeps what it showed, and heals by itself', async (ctx) => {
  const s = on(ctx);
  const id = await s.underReview('r-away');
  const first = await s.serve();
  let again: Awaited<ReturnType<typeof s.serve>> | undefined;
  try {
    const { page } = await s.as('reviewer', `#/reports/${id}`, { base: first.base });
    await page.getByText('● live').waitFor();
    const comment = page.getByLabel('Your comment');
    await comment.fill('written before it went away');
    await first.stop();
    await page.getByText('◌ reconnecting').waitFor();
    // What was typed cannot be sent, and stays; what was shown stays too, with its age.
    await page.getByRole('button', { name: 'Comment', exact: true }).click();
    await page.getByRole('alert').filter({ hasText: 'UNREACHABLE' }).first().waitFor();
    expect(await comment.inputValue()).toBe('written before it went away');
    await page.getByText(/^This is from/).waitFor();
    expect(await page.getByRole('heading', { name: id }).isVisible()).toBe(true);
    // Meanwhile something happens, through another service.
    await s.call('operator', 'POST', `/reports/${id}/comments`, { text: 'said while you were away' });

    again = await s.serve({ port: first.port });
    await page.getByText('● live').waitFor({ timeout: 30_000 });
    await page.getByText('said while you were away').waitFor();
    await page.getByText(/^This is from/).waitFor({ state: 'detached' });
    expect(await comment.inputValue()).toBe('written before it went away');
    await page.getByRole('button', { name: 'Comment', exact: true }).click();
    await page.getByRole('article', { name: 'Comment by @reviewer' }).waitFor();
    // Live again, not only looked at every few seconds.
    await s.call('operator', 'POST', `/reports/${id}/comments`, { text: 'said after it' });
    await page.getByText('said after it').waitFor({ timeout: 4000 });
    expect(await page.getByRole('article', { name: 'Comment by @reviewer' }).count()).toBe(1);
  } finally {
    await first.stop();
    await again?.stop();
  }
});

test(
  'below a prefix, in an application of a user, the page is whole: its parts, its calls, its links, live',
  { timeout: 120_000 },
  async (ctx) => {
    const s = on(ctx);
    const id = await s.underReview('r-prefix');
    const service = await s.serve({ prefix: '/tools/handoff' });
    try {
      const { page, complaints } = await s.as('reviewer', '#/reports', { base: service.base });
      await page.getByText('● live').waitFor();
      await page.getByRole('link', { name: id, exact: true }).click();
      await page.getByLabel('Your comment').fill('from below a prefix');
      await page.getByRole('button', { name: 'Comment', exact: true }).click();
      await page.getByRole('article', { name: 'Comment by @reviewer' }).getByText('from below a prefix').waitFor();
      await s.call('operator', 'POST', `/reports/${id}/comments`, { text: 'seen live below it' });
      await page.getByText('seen live below it').waitFor({ timeout: 8000 });
      const links = await page.locator('main a[href^="/"]').evaluateAll(hrefs);
      expect(links.length).toBeGreaterThan(3);
      expect(links.filter((h) => !h!.startsWith('/tools/handoff/api/v1/agent-handoff/reports/'))).toEqual([]);
      const { status, report_id } = await page
        .context()
        .request.get(
          new URL(
            links.find((h) => h!.includes('format=json'))!,
            service.base,
          ).href,
        )
        .then(async (r) => (await r.json()) as ReportView);
      expect([status, report_id]).toEqual(['under_review', id]);
      // With the slash that somebody leaves out, the same.
      await page.goto(service.base);
      await page.getByRole('heading', { name: 'What waits' }).waitFor();
      expect(complaints).toEqual([]);
    } finally {
      await service.stop();
    }
  },
);
