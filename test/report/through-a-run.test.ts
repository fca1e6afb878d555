import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMPONENT_TYPES, type ComponentType } from '../../src/core/report/report.js';
import { AUTHOR, REVIEWER } from '../rig/reports.js';
import { Rig } from '../rig/rig.js';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.create();
});
afterAll(() => rig.close());

const fixture = (name: string): Promise<Buffer> => readFile(new URL(`files/${name}`, import.meta.url));
const attach = async (id: string, name: string, text: string | Buffer, component?: ComponentType): Promise<void> => {
  const about = component ? { component_type: component } : {};
  await rig.reports.as(AUTHOR).attach(id, { name, media_type: 'application/xml', bytes: Buffer.from(text), ...about });
};
const GOOD = (name: string): string => `<testsuite name="${name}"><testcase name="it works"/></testsuite>`;

test('attached tests verify components, and with enough of them nobody has to review', async () => {
  const { report_id: id } = await rig.reports.create();
  const reports = rig.reports.as(AUTHOR);
  for (const type of COMPONENT_TYPES) await attach(id, `tests/${type}.xml`, GOOD(type), type);
  await attach(id, 'coverage.xml', await fixture('coverage-py.xml'));
  const done = await reports.submit(id);
  expect(done).toMatchObject({
    status: 'approved',
    findings: [],
    verified: { components: 1, tests: 1, coverage: 1, score: 1 },
  });
  expect(done.reviews).toMatchObject([{ automatic: true, review_status: 'approved' }]);
  expect(done.facts).toHaveLength(9);
  expect(COMPONENT_TYPES.every((type) => done.components[type].status === 'verified')).toBe(true);
  // An edit that takes a file away takes what it proved with it.
  const without = await reports.detach(id, 'tests/api_contracts.xml');
  expect(without.components.api_contracts.status).toBe('completed');
  expect(without.components.error_handling.status).toBe('verified');
});

test('failed tests verify nothing, whatever their author says', async () => {
  const own = {
    status: 'completed',
    progress_percentage: 100,
    test_results: { coverage: 100, passed: 99, failed: 0 },
  } as const;
  const { report_id: id } = await rig.reports.create({
    quality_score: 1,
    test_coverage_percentage: 100,
    components: Object.fromEntries(COMPONENT_TYPES.map((type) => [type, own])),
  });
  await attach(id, 'junit.xml', await fixture('vitest-junit.xml'), 'circuit_breaker');
  const shown = await rig.reports.as(AUTHOR).submit(id);
  expect(shown).toMatchObject({ status: 'under_review', verified: { components: 0, coverage: 0 } });
  expect(shown.verified.tests).toBeCloseTo(2 / 3, 12);
  expect(shown.facts).toMatchObject([{ tests: { run: 3, passed: 2, failed: 1, skipped: 2 } }]);
  const seen = await rig.reports.as(REVIEWER).enterFact(id, { component_type: 'circuit_breaker', verified: true });
  expect(seen.components.circuit_breaker.status).toBe('verified');
  expect(seen.verified.components).toBe(1 / 8);
});

test('a broken file sends a report back with its name, and once it is mended the report goes on', async () => {
  const { report_id: id } = await rig.reports.create();
  const reports = rig.reports.as(AUTHOR);
  await attach(id, 'a/junit.xml', '<testsuites><testsuite><testcase name="cut');
  const back = await reports.submit(id);
  expect(back).toMatchObject({ status: 'amendments_required', findings: ['a/junit.xml: it is cut off'], facts: [] });
  await attach(id, 'a/junit.xml', GOOD('mended'));
  expect(await reports.submit(id)).toMatchObject({ status: 'under_review', findings: [] });
  const { entries } = await reports.history(id);
  expect(entries.at(-3)?.changes.map((c) => c.path)).toContain('/attachments/0/sha256');
});

test('statistics, dashboard and exports know of a report at once', async () => {
  const reviewer = rig.reports.as(REVIEWER);
  const before = await reviewer.statistics();
  expect((await reviewer.statistics()).cached).toBe(true);
  const { report_id: id } = await rig.reports.create({ work_summary: `=cmd() ${'and much more of it '.repeat(4)}` });
  await rig.reports.as(AUTHOR).submit(id);
  const after = await reviewer.statistics();
  expect(after).toMatchObject({ cached: false, total: before.total + 1 });
  expect(after.by_status.under_review).toBe(before.by_status.under_review + 1);
  const { recent, waiting, handoffs } = await reviewer.dashboard();
  expect(recent[0]).toMatchObject({ report_id: id, status: 'under_review' });
  expect(waiting.map((w) => w.subject)).toContain(`report/${id}`);
  expect(handoffs.in_flight + Object.values(handoffs.by_status).reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
  const { text } = await reviewer.exportAll({ author: AUTHOR.by }, 'csv');
  expect(text).toContain(id);
  expect(text).toContain("'=cmd()");
  expect((await reviewer.export(id, 'markdown')).text).toContain(`# Report ${id}`);
});
