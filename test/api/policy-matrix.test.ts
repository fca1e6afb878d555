import { expect, test } from 'vitest';
import { REPORT_STATUSES } from '../../src/core/report/report.js';
import { POLICY, ROLES, refuseAct, type Act, type Permission, type Relation } from '../../src/core/service/policy.js';
import { CELLS } from './policy-cells.js';

const ACTS = Object.keys(POLICY) as Act[];
const RELATIONS: readonly Relation[] = ['owner', 'not_owner', 'source', 'target', 'party', 'self'];
const WHO: readonly string[][] = [
  [],
  ['root'],
  ...ROLES.map((r) => [r]),
  ['agent', 'reviewer', 'developer'],
  [...ROLES],
];
const ABOUT = [undefined, ...RELATIONS].flatMap((relation) =>
  [undefined, ...REPORT_STATUSES].map((state) => ({ relation, state })),
);

const nameOf = (...parts: (string | undefined)[]): string => parts.map((p) => p ?? '-').join(' ');

/** What the table says, read anew: all that is allowed, spelt out. */
function allowedBy(act: Act): Set<string> {
  const all = new Set<string>();
  for (const p of POLICY[act] as readonly Permission[]) {
    for (const role of p.roles) {
      const any = role === 'admin' && p.relation !== 'owner' && p.relation !== 'not_owner';
      const relations = p.relation === undefined || any ? [undefined, ...RELATIONS] : [p.relation];
      for (const relation of relations) {
        for (const state of p.states ?? [undefined, ...REPORT_STATUSES]) all.add(nameOf(role, relation, state));
      }
    }
  }
  return all;
}

test('every combination of act, roles, relation and state is answered as the table says', () => {
  let cells = 0;
  for (const act of ACTS) {
    const allowed = allowedBy(act);
    // Who has several roles may have the right from one of them, and be an admin beside it.
    const may = (roles: string[], relation: string | undefined, state: string | undefined): boolean =>
      roles.some((role) => allowed.has(nameOf(role, relation, state))) ||
      (roles.includes('admin') &&
        (POLICY[act] as readonly Permission[]).some(
          (p) => p.relation && !['owner', 'not_owner'].includes(p.relation) && p.roles.some((r) => roles.includes(r)),
        ));
    for (const roles of WHO) {
      for (const { relation, state } of ABOUT) {
        const about = { ...(relation ? { relations: [relation] } : {}), ...(state ? { state } : {}) };
        const said = refuseAct(act, roles, about);
        expect([act, roles, relation, state, said === undefined]).toEqual([
          act,
          roles,
          relation,
          state,
          may(roles, relation, state),
        ]);
        cells++;
      }
    }
  }
  expect(cells).toBe(ACTS.length * WHO.length * ABOUT.length);
});

test.each(
  CELLS.map(
    (c) =>
      [
        `${c.act} by ${c.roles.join('+') || 'nobody'}, ${c.relation ?? 'a stranger'}, ${c.state ?? '-'}: ${c.answer}`,
        c,
      ] as const,
  ),
)('%s', (_name, { act, roles, relation, state, answer }) => {
  const about = { ...(relation ? { relations: [relation] } : {}), ...(state ? { state } : {}) };
  expect(refuseAct(act, roles, about) ?? 'yes').toBe(answer);
});

test('at least fifty cells are written by hand, each with its sentence, and every role and report act is among them', () => {
  expect(CELLS.length).toBeGreaterThanOrEqual(50);
  expect(CELLS.filter((c) => !/"|S\d|003|Faults|Issue/.test(c.says))).toEqual([]);
  const roles = new Set(CELLS.flatMap((c) => c.roles));
  expect(ROLES.filter((r) => !roles.has(r))).toEqual([]);
  const acts = new Set<string>(CELLS.map((c) => c.act));
  expect(ACTS.filter((a) => a.startsWith('report.') && !acts.has(a))).toEqual([]);
});

test('one more role never takes a right away', () => {
  for (const act of ACTS) {
    for (const { relation, state } of ABOUT) {
      const about = { ...(relation ? { relations: [relation] } : {}), ...(state ? { state } : {}) };
      for (const one of ROLES) {
        if (refuseAct(act, [one], about) !== undefined) continue;
        for (const more of ROLES)
          expect([act, one, more, refuseAct(act, [one, more], about)]).toEqual([act, one, more, undefined]);
      }
    }
  }
});

test('whatever roles its author has, a report of their own is not theirs to review, nor to enter facts into', () => {
  for (const act of ['report.review', 'report.enter_fact'] as const) {
    for (const state of REPORT_STATUSES) expect(refuseAct(act, ROLES, { relations: ['owner'], state })).toBeDefined();
  }
});

test('only its author writes into a report, whatever roles others have', () => {
  for (const act of ['report.edit', 'report.submit'] as const) {
    for (const state of REPORT_STATUSES)
      expect(refuseAct(act, ROLES, { relations: ['not_owner'], state })).toBeDefined();
  }
});

test('where a state is asked for and none is told, the answer is no', () => {
  expect(refuseAct('report.review', ['admin'], { relations: ['not_owner'] })).toBe('state');
  expect(refuseAct('report.edit', ['agent'], { relations: ['owner'] })).toBe('state');
});
