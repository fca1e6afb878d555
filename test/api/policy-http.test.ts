import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReportStatus } from '../../src/core/report/report.js';
import type { ReportView } from '../../src/core/report/view.js';
import { POLICY, ROLES, refuseAct, type Act, type Permission, type Role } from '../../src/core/service/policy.js';
import { AUTHOR, Service } from './reports/service.js';
import { ask, type Answer } from './reports/ask.js';

const P = '/api/v1/agent-handoff/reports';
const OTHER = '@other';
const STATES = ['draft', 'under_review', 'approved', 'rejected', 'amendments_required'] as const;
type State = (typeof STATES)[number];
type Side = 'owner' | 'not_owner';
const SIGNERS: readonly string[] = ROLES.filter((r) => !['agent', 'reviewer', 'admin'].includes(r));

let service: Service;
/** A key for each role, of the author and of somebody else. */
const keys = {} as Record<Side, Record<Role, string>>;
/** A report in each state: of what is refused none changes. */
const standing = {} as Record<State, ReportView>;

beforeAll(async () => {
  service = await Service.open();
  const { keys: store } = service.rig.storage;
  for (const [side, agent] of [
    ['owner', AUTHOR],
    ['not_owner', OTHER],
  ] as const) {
    keys[side] = {} as Record<Role, string>;
    for (const role of ROLES) keys[side][role] = (await store.create(agent, [role])).secret;
  }
  for (const state of STATES) standing[state] = await service.at(state);
});
afterAll(() => service.close());

/** Brings a report that is not rejected into a state, however it stands. */
async function bring(id: string, to: State): Promise<void> {
  const review = (review_status: string): Promise<ReportView> =>
    service.write('reviewer', 'POST', `/reports/${id}/review`, {
      review_status,
      review_comments: 'As I have seen it there.',
    });
  const { status } = await service.get(id);
  if (status === to) return;
  if (to === 'draft')
    return void (await service.write('author', 'PUT', `/reports/${id}`, { achievements: [`${Math.random()}`] }));
  if (status === 'draft' || status === 'amendments_required') {
    await service.write('author', 'POST', `/reports/${id}/submit`);
    await service.until(id, (r) => r.status === 'under_review');
    return bring(id, to);
  }
  if (status === 'approved') {
    await bring(id, 'draft');
    return bring(id, to);
  }
  await review(to);
}

interface Call {
  act: Act;
  call: (id: string, role: Role) => [method: string, path: string, body?: unknown];
  /** What the act needs beside its state. */
  prepare?: (id: string, role: Role) => Promise<void>;
  /** What rules beyond the table say: 409. */
  beyond?: (side: Side, role: Role) => boolean;
}

const roleOf = (role: Role): string => (SIGNERS.includes(role) ? role : 'developer');
const signed =
  (conditions?: string[]) =>
  async (id: string, role: Role): Promise<void> => {
    const status = conditions ? 'conditionally_approved' : 'approved';
    const body = {
      sign_off_role: roleOf(role),
      status,
      comments: 'Seen and tried.',
      ...(conditions ? { conditions } : {}),
    };
    // By whom it is revoked then: only who gave it may, or an admin.
    await ask(service.base, 'POST', `${P}/${id}/sign-off`, { key: keys.not_owner[roleOf(role) as Role], body });
  };

const CALLS: readonly Call[] = [
  { act: 'report.read', call: (id) => ['GET', id] },
  { act: 'report.edit', call: (id) => ['PUT', id, { lessons_learned: [`${Math.random()}`] }] },
  { act: 'report.submit', call: (id) => ['POST', `${id}/submit`, {}] },
  {
    act: 'report.review',
    call: (id) => ['POST', `${id}/review`, { review_status: 'approved', review_comments: 'As I have seen it there.' }],
  },
  {
    act: 'report.enter_fact',
    call: (id) => ['POST', `${id}/facts`, { component_type: 'api_contracts', verified: true }],
  },
  {
    act: 'report.sign_off',
    call: (id, role) => [
      'POST',
      `${id}/sign-off`,
      { sign_off_role: roleOf(role), status: 'approved', comments: 'Seen and tried.' },
    ],
    beyond: (side) => side === 'owner',
  },
  {
    act: 'report.revoke_sign_off',
    call: (id, role) => ['POST', `${id}/sign-off/${roleOf(role)}/revoke`, { reason: 'Seen anew.' }],
    prepare: signed(),
  },
  {
    act: 'report.meet_condition',
    call: (id, role) => ['POST', `${id}/sign-off/${roleOf(role)}/conditions/0/met`, { note: 'Done.' }],
    prepare: signed(['Deploy at night']),
    beyond: (side) => side === 'owner',
  },
  { act: 'report.comment', call: (id) => ['POST', `${id}/comments`, { text: 'A word.' }] },
];

/** What the table says of a call, as HTTP says it. What one may not read is not there. */
function expected(act: Act, role: Role, state: ReportStatus, side: Side): number {
  const roles = ['agent', role];
  const about = { relations: [side], state };
  if (!(POLICY[act] as readonly Permission[]).some((p) => p.roles.some((r) => roles.includes(r)))) return 403;
  if (refuseAct('report.read', roles, about)) return 404;
  const refusal = refuseAct(act, roles, about);
  return refusal === undefined ? 200 : refusal === 'state' ? 409 : 403;
}

const said = ({ status, text }: Answer): string => `${status} ${status < 300 ? '' : text.slice(0, 200)}`;

let calls = 0;
test.each(CALLS.map((c) => [c.act, c] as const))(
  '%s: each role, state and ownership is answered as the table says',
  async (act, { call, prepare, beyond }) => {
    // Acts that go well change reports of their own.
    const wrong: string[] = [];
    let { report_id: own } = await service.create();
    for (const side of ['owner', 'not_owner'] as const) {
      for (const state of STATES) {
        for (const role of ROLES) {
          const status = expected(act, role, state, side);
          const changes = status === 200 && act !== 'report.read';
          const extra = changes && beyond?.(side, role);
          if (changes && state === 'rejected') ({ report_id: own } = await service.at('rejected'));
          else if (changes) {
            if (act === 'report.sign_off' || prepare) await bring(own, 'draft');
            await bring(own, state);
            await prepare?.(own, role);
          }
          const id = changes ? own : standing[state].report_id;
          const [method, path, body] = call(id, role);
          const answer = await ask(service.base, method, `${P}/${path}`, {
            key: keys[side][role],
            ...(body ? { body } : {}),
          });
          calls++;
          const isRevokedByAuthor = act === 'report.revoke_sign_off' && changes && side === 'owner' && role !== 'admin';
          const want = isRevokedByAuthor ? 403 : extra ? 409 : status;
          if (answer.status !== want) wrong.push(`${side} ${state} ${role}: ${want} expected, ${said(answer)}`);
          const type = String(answer.headers['content-type']);
          if (want >= 400 && !type.includes('application/problem+json'))
            wrong.push(`${side} ${state} ${role}: ${type}`);
          if (want === 404) {
            const none = await ask(service.base, method, `${P}/${path.replace(id, 'no-such-report')}`, {
              key: keys[side][role],
              ...(body ? { body } : {}),
            });
            const same = answer.text.replaceAll(id, 'X') === none.text.replaceAll('no-such-report', 'X');
            if (!same) wrong.push(`${side} ${state} ${role}: another answer than of none`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  },
);

test('that were calls for every role, state and ownership, and nothing that was refused changed anything', async () => {
  expect(calls).toBe(CALLS.length * 2 * STATES.length * ROLES.length);
  for (const state of STATES) {
    const { report_id: id, seq } = standing[state];
    expect(await service.get(id)).toMatchObject({ seq, status: state });
  }
});
