import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { REPORT_STATUSES } from '../../src/core/report/report.js';
import { POLICY, ROLES, refuseAct, type Act, type Relation } from '../../src/core/service/policy.js';
import { breakIn, focused, found, hrefs, measured, openAll, readable } from './in-page.mjs';
import { withStage } from './with-stage.js';

const on = withStage();

/** Loads a page anew, and waits until all of it is there. */
async function open(page: Page, url: string): Promise<void> {
  await page.goto('about:blank');
  await page.goto(url);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await expect.poll(() => page.getByText('Loading …').count()).toBe(0);
}

const EVIL =
  `<img src=x onerror=alert(1)><script>alert(2)</script>"'><svg onload=alert(3)> javascript:alert(4) ` +
  '${alert(5)} {{constructor.constructor("alert(6)")()}} [x](javascript:alert(7)) data:text/html,<script>alert(8)</script> https://example.org/?a=1.';

test('whatever people write stays text, in every place, and the policy of content stops what would not', async (ctx) => {
  const s = on(ctx);
  const list = [EVIL];
  const id = await s.draft('r-evil', {
    work_summary: `${EVIL} and enough characters for a summary of the work`,
    achievements: list,
    challenges_encountered: list,
    lessons_learned: list,
    tests_written: list,
    submission_notes: EVIL,
    components: {
      monitoring_hooks: {
        status: 'blocked',
        notes: EVIL,
        blockers: list,
        code_review_status: '<img src=x onerror=alert(9)>',
      },
    },
  });
  await s.call('author', 'POST', `/reports/${id}/comments`, { text: EVIL });
  s.printer.broken = true;
  const handoff = await s.rig.start('PRINT', { artifacts: [], context: {}, instructions: EVIL });
  await s.rig.until(handoff, (h) => h.state?.incidents.length === 1);
  await s.call('operator', 'POST', `/handoffs/${handoff}/pause`, { reason: EVIL });
  const { page, complaints } = await s.as('operator');
  await page.getByText('the print server answers 503').waitFor();
  for (const hash of [
    '#/',
    '#/handoffs',
    `#/handoffs/${handoff}`,
    '#/reports',
    `#/reports/${id}`,
    `#/reports/${id}/edit`,
    '#/numbers',
    '#/%3Cimg%20src=x%20onerror=alert(9)%3E',
    `#/reports?status=${encodeURIComponent(EVIL)}`,
  ]) {
    await open(page, `${s.base}/${hash}`);
    await page.locator('details').evaluateAll(openAll);
    expect({ hash, ...(await page.evaluate(found)) }).toEqual({ hash, made: 0, links: [] });
  }
  await page.goto(`${s.base}/#/reports/${id}`);
  const links = page.locator('main .said a');
  await links.first().waitFor();
  expect(new Set(await links.evaluateAll(hrefs))).toEqual(new Set(['https://example.org/?a=1']));
  expect(await page.getByText('<img src=x onerror=alert(1)>').count()).toBeGreaterThan(5);
  expect(complaints).toEqual([]);

  // The same put there as markup would be stopped, and be heard of: none was.
  expect(await page.evaluate(breakIn)).toContain('TrustedHTML');
  await expect.poll(() => complaints.join()).toMatch(/Content Security Policy/);
  expect(await page.locator('main').isVisible()).toBe(true);
  expect(complaints.join()).not.toContain('dialog');
  await s.rig.client.resume(handoff, { by: 'op' });
  await s.rig.client.rollback(handoff, { by: 'op', reason: 'end of test', incidentId: 'inc-1' });
  await s.rig.client.result(handoff);
});

test('a key goes to the service once and is kept nowhere; a bad one is refused in words; signing out ends it', async (ctx) => {
  const s = on(ctx);
  const { page, complaints } = await s.visit();
  await page.goto(`${s.base}/#/reports`);
  await page.getByLabel('API key').fill('hk_0000000000000000_nonsense');
  await page.keyboard.press('Enter');
  await page.getByText('This key is not known, has expired or was revoked').waitFor();
  await page.getByLabel('API key').fill(s.keys.author);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Reports', level: 1 }).waitFor();
  const kept = await page.evaluate(readable);
  expect(kept).not.toContain(s.keys.author.slice(0, 20));
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('API key').waitFor();
  await page.reload();
  await page.getByLabel('API key').waitFor();
  expect(complaints).toEqual([]);
});

test('a session that ends while one writes is begun again, and what was written stays', async (ctx) => {
  const s = on(ctx);
  const id = await s.draft('r-lost');
  const { page } = await s.as('author', `#/reports/${id}/edit`);
  await page.getByLabel('notes of monitoring hooks').fill('two hours of thought');
  await page.context().clearCookies();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await dialog.getByLabel('API key').fill(s.keys.author);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(await page.getByLabel('notes of monitoring hooks').inputValue()).toBe('two hours of thought');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('heading', { name: id, exact: true }).waitFor();
  expect((await s.call('author', 'GET', `/reports/${id}`)).components.monitoring_hooks.notes).toBe(
    'two hours of thought',
  );
});

/** Tabs until something has the focus; gives whether that can be seen. */
async function tabTo(page: Page, what: string): Promise<boolean> {
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press('Tab');
    const { name, seen } = await page.evaluate(focused);
    if (name === what) return seen;
  }
  throw new Error(`no way to ${what} with the keyboard`);
}

test('with the keyboard alone: sign in, find a report, review it', async (ctx) => {
  const s = on(ctx);
  const id = await s.underReview('r-keys');
  const { page, complaints } = await s.visit();
  await page.goto(s.base);
  await page.getByLabel('API key').waitFor();
  await page.keyboard.type(s.keys.reviewer);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'What waits' }).waitFor();
  expect((await page.evaluate(focused)).name).toBe('What waits');
  await page.reload();
  await page.getByRole('heading', { name: 'What waits' }).waitFor();
  await page.keyboard.press('Tab');
  expect((await page.evaluate(focused)).name).toBe('Skip to the content');
  await page.keyboard.press('Enter');
  expect(await tabTo(page, 'Reports')).toBe(true);
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: id, exact: true }).waitFor();
  expect((await page.evaluate(focused)).name).toBe('Reports');
  expect(await tabTo(page, id)).toBe(true);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Your review' }).waitFor();
  expect(await tabTo(page, 'Decision')).toBe(true);
  await page.keyboard.press('ArrowDown');
  expect(await tabTo(page, 'Comments')).toBe(true);
  await page.keyboard.type('It says nothing of what was asked for.');
  expect(await tabTo(page, 'Send the review')).toBe(true);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Reviews', exact: true }).waitFor();
  expect((await s.call('author', 'GET', `/reports/${id}`)).status).toBe('rejected');
  expect(complaints).toEqual([]);
});

for (const colorScheme of ['light', 'dark'] as const)
  test(`on a phone nothing reaches over the edge, and contrast is enough (${colorScheme})`, async (ctx) => {
    const s = on(ctx);
    const id = await s.underReview(`r-phone-${colorScheme}`, {
      achievements: [`one-very-long-word-${'x'.repeat(300)}`],
    });
    const { page, complaints } = await s.as('operator', '#/', { viewport: { width: 360, height: 740 }, colorScheme });
    // The colours are the same on all of them.
    const some = ['#/', `#/reports/${id}`, `#/reports/${id}/edit`, '#/numbers'];
    const rest = ['#/handoffs', `#/handoffs/${s.task.task_id}`, '#/inbox', '#/reports', '#/reports/new'];
    for (const hash of colorScheme === 'light' ? [...some, ...rest] : some) {
      await open(page, `${s.base}/${hash}`);
      const { width, poor } = await page.evaluate(measured);
      expect({ hash, width, poor }).toEqual({ hash, width: 360, poor: [] });
    }
    expect(complaints).toEqual([]);
  });

test('the buttons follow the policy table: the page decides in each cell as the core does', async (ctx) => {
  const s = on(ctx);
  const { page } = await s.visit();
  await page.goto(s.base);
  const relations: Relation[][] = [[], ['owner'], ['not_owner'], ['source', 'party'], ['target', 'party'], ['self']];
  const cells = (Object.keys(POLICY) as Act[]).flatMap((act) =>
    ROLES.flatMap((role) =>
      relations.flatMap((r) =>
        [undefined, ...REPORT_STATUSES].map((state) => ({
          act,
          roles: [role],
          about: { relations: r, ...(state ? { state } : {}) },
        })),
      ),
    ),
  );
  const src = await page.locator('script[type=module]').getAttribute('src');
  const policy = JSON.stringify(src!.replace('main.js', 'policy.js'));
  const asked = `import(${policy}).then(({ may }) => ${JSON.stringify(cells)}.map((c) => may(c.act, c.roles, c.about)))`;
  const decided = await page.evaluate<boolean[]>(asked);
  expect(decided).toEqual(cells.map((c) => refuseAct(c.act, c.roles, c.about) === undefined));
});

test('what the page is made of is kept for good under its digest, and asked for anew when it changes', async (ctx) => {
  const s = on(ctx);
  const page = await fetch(s.base);
  const html = await page.text();
  expect(page.headers.get('cache-control')).toBe('no-cache');
  expect(page.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self';/,
  );
  const again = await fetch(s.base, { headers: { 'if-none-match': page.headers.get('etag')! } });
  expect(again.status).toBe(304);
  const paths = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((m) => m[1]!);
  expect(paths.length).toBeGreaterThan(25);
  const seen = await Promise.all(
    paths.map(async (p) => fetch(s.base + p).then((r) => [r.status, r.headers.get('cache-control')])),
  );
  expect(new Set(seen.map(String))).toEqual(new Set(['200,public, max-age=31536000, immutable']));
  expect((await fetch(s.base + paths[0]!.replace(/assets\/\w+/, 'assets/0000'))).status).toBe(404);
  expect((await fetch(`${s.base}/assets/x/..%2f..%2fservice.ts`)).status).toBe(404);
  // Nothing inline, nothing of elsewhere.
  expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|https?:\/\//);
  expect(readFileSync('src/api/page/style.css', 'utf8')).not.toMatch(/url\(|@import/);
});
