import { expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { withStage } from './with-stage.js';

const on = withStage();

const section = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

async function signOff(page: Page, role: string, condition?: string): Promise<void> {
  await page.getByLabel('As', { exact: true }).selectOption(role);
  if (condition) await page.getByLabel(/^Conditions/).fill(condition);
  await page.getByRole('button', { name: 'Sign off', exact: true }).click();
}

test('a review: from what waits to amendments, the author edits and hands in again, approval, sign-offs, a condition, complete', async (ctx) => {
  const s = on(ctx);
  const id = await s.underReview('r-way');
  const { page: reviewer, complaints } = await s.as('reviewer', `#/reports?waits_for=reviewer`);
  await reviewer.getByRole('link', { name: id }).click();
  await reviewer.getByRole('heading', { name: id }).waitFor();
  await reviewer.getByRole('link', { name: 'Review', exact: true }).click();
  const form = section(reviewer, 'Your review');
  await form.getByLabel('Decision').selectOption('amendments_required');
  await form.getByLabel('Comments').fill('Say how many retries there are.');
  await form.getByLabel(/What has to change/).fill('the number of retries\na test of the breaker');
  await form.getByRole('button', { name: 'Send the review' }).click();
  await section(reviewer, 'Reviews').getByText('a test of the breaker').waitFor();

  // The author, in a browser of their own, amends and hands in.
  const { page: author } = await s.as('author', `#/reports/${id}`);
  await author.getByText('a test of the breaker').waitFor();
  await author.getByRole('link', { name: 'Edit', exact: true }).click();
  const summary = author.getByLabel('What was done');
  await summary.fill((await summary.inputValue()).replace('Retries', 'Five retries'));
  await author.getByLabel('notes of circuit breaker').fill('tested with a dead port');
  await author.getByRole('button', { name: 'Save' }).click();
  await author.getByText('Five retries').first().waitFor();
  await author.getByRole('button', { name: 'Submit' }).click();
  await author.getByRole('dialog').getByRole('button', { name: 'Submit' }).click();
  await author.getByRole('dialog').waitFor({ state: 'detached' });

  // The reviewer's window shows it without a reload: the diff, then a fact, then the approval.
  const history = section(reviewer, 'History');
  await history.getByText('tested with a dead port').first().waitFor();
  expect(await history.locator('.added .mark').allInnerTexts()).toContain('Five r');
  await reviewer.getByRole('button', { name: 'Enter a fact' }).click();
  const fact = reviewer.getByRole('dialog');
  await fact.getByLabel('Component').selectOption('circuit_breaker');
  await fact.getByLabel('I have seen it work').check();
  await fact.getByRole('button', { name: 'Enter a fact' }).click();
  await section(reviewer, 'Facts').getByText('entered by @reviewer').waitFor();
  await section(reviewer, 'Components')
    .getByRole('row', { name: /Circuit breaker/ })
    .getByText('verified')
    .waitFor();
  await reviewer.evaluate('scrollTo(0, 0)');
  await s.picture(reviewer, '12-page-report');
  const again = section(reviewer, 'Your review');
  await again.getByLabel('Decision').selectOption('approved');
  await again.getByLabel('Comments').fill('Now it is all there, and I have seen it.');
  await again.getByRole('button', { name: 'Send the review' }).click();
  await section(reviewer, 'Sign-offs').getByText('Still missing: tech lead, qa engineer.').waitFor();

  const { page: lead } = await s.as('lead', `#/reports/${id}`);
  await signOff(lead, 'tech_lead', 'the dashboards are linked');
  await section(lead, 'Sign-offs').getByText('conditionally approved').first().waitFor();
  const { page: qa } = await s.as('qa', `#/reports/${id}`);
  await signOff(qa, 'qa_engineer');
  await section(qa, 'Sign-offs').getByText('A condition is still open.').waitFor();
  await lead.getByRole('button', { name: 'Mark as met' }).click();
  await lead.getByRole('dialog').getByLabel('How').fill('linked in the readme');
  await lead.getByRole('dialog').getByRole('button', { name: 'Mark as met' }).click();
  await lead.getByText('every required sign-off is there: complete').waitFor();
  // And where nobody pressed anything.
  await reviewer.getByText('every required sign-off is there: complete').waitFor({ timeout: 30_000 });
  expect(await s.call('operator', 'GET', `/reports/${id}`)).toMatchObject({
    status: 'approved',
    sign_off_status: 'complete',
  });
  expect(complaints).toEqual([]);
});

test('an edit that somebody else was faster with keeps what was typed, and shows theirs', async (ctx) => {
  const s = on(ctx);
  const id = await s.draft('r-both');
  const { page, complaints } = await s.as('author', `#/reports/${id}/edit`);
  const notes = page.getByLabel('notes of api contracts');
  await notes.fill('mine');
  await page.getByLabel('notes of error handling').fill('only mine');
  const components = { api_contracts: { notes: 'theirs' }, retry_mechanisms: { notes: 'only theirs' } };
  await s.call('author', 'PUT', `/reports/${id}`, { components });
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('PRECONDITION_FAILED').waitFor();
  await page.getByText('Somebody saved while you wrote').waitFor();
  expect(await notes.inputValue()).toBe('mine');
  expect(await page.getByLabel('notes of retry mechanisms').inputValue()).toBe('only theirs');
  await page.getByRole('button', { name: 'Save mine with theirs' }).click();
  await page.getByRole('heading', { name: id, exact: true }).waitFor();
  const { components: saved } = await s.call('author', 'GET', `/reports/${id}`);
  expect([saved.api_contracts.notes, saved.error_handling.notes, saved.retry_mechanisms.notes]).toEqual([
    'mine',
    'only mine',
    'only theirs',
  ]);
  expect(complaints).toEqual([]);
});

test('nothing moves while one types: a newer report waits until it is asked for', async (ctx) => {
  const s = on(ctx);
  const id = await s.underReview('r-typing');
  const { page } = await s.as('reviewer', `#/reports/${id}`);
  const comments = section(page, 'Your review').getByLabel('Comments');
  await comments.fill('I am still writ');
  await s.call('operator', 'POST', `/reports/${id}/comments`, { text: 'look at the breaker too' });
  await page.getByText('Something changed here while you typed').waitFor();
  expect(await page.getByText('look at the breaker too').count()).toBe(0);
  await page.getByRole('button', { name: 'Show it' }).click();
  await page.getByText('look at the breaker too').waitFor();
  expect(await comments.inputValue()).toBe('I am still writ');
});
