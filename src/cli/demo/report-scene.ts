import { readFile } from 'node:fs/promises';
import type { ReportView } from '../../core/report/view.js';
import { COMPONENT_TYPES } from '../../core/report/report.js';
import { reportWorkflowIdOf } from '../../core/report/ids.js';
import { HandoffError } from '../../core/errors.js';
import { clock } from '../text/text.js';
import { check } from './checks.js';
import type { Scene, Stage } from './scene.js';

const AUTHOR = '@code-architect';
const REVIEWER = '@reviewer';
const SIGNERS = [
  ['@developer', 'developer'],
  ['@tech-lead', 'tech_lead'],
  ['@qa-engineer', 'qa_engineer'],
] as const;

/** Who takes part, and in which role: each gets an API key of its own. */
export const REPORT_AGENTS: readonly (readonly [agent: string, roles: readonly string[]])[] = [
  [AUTHOR, ['agent']],
  [REVIEWER, ['agent', 'reviewer']],
  ...SIGNERS.map(([agent, role]) => [agent, ['agent', role]] as const),
];

const DONE = { status: 'completed', progress_percentage: 100 } as const;
const SUMMARY =
  'The blog is designed and handed over: error handling, contracts, retries and circuit breakers are in place.';

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'was not refused',
    (error: unknown) => (error instanceof HandoffError ? error.code : String(error)),
  );

/** A report that is reviewed, amended, approved and signed off, each by its own agent and over HTTP. */
export const signedOffReport: Scene = {
  title: 'A report, from its draft to its sign-offs',
  about:
    'Over HTTP, each agent with a key of its own. A review and a sign-off are of one digest; an edit takes both away.',
  async play(stage) {
    const { life } = stage;
    const as = (agent: string) => stage.reports(agent);
    const say = tell(stage);
    // The report is about the handoff that was played first.
    const about = { pipeline_id: 'blog', task_id: stage.idOf('phase-transition') };
    const components = Object.fromEntries(COMPONENT_TYPES.map((type) => [type, DONE]));
    const made = await life.until(as(AUTHOR).create({ ...about, work_summary: SUMMARY, components }));
    const id = made.report_id;
    const bytes = await readFile(stage.file('input/junit.xml'));
    const file = {
      name: 'junit.xml',
      media_type: 'application/xml',
      component_type: 'integration_tests' as const,
      bytes,
    };
    await life.until(as(AUTHOR).attach(id, file));
    say(`${AUTHOR} writes a report and attaches junit.xml`);
    const handedIn = await life.until(as(AUTHOR).submit(id, { submission_notes: 'Ready for review' }));
    const tests = handedIn.facts.find((f) => f.tests)?.tests;
    say(
      `${AUTHOR} hands it in: ${handedIn.status}, ${tests?.passed ?? 0} of ${tests?.run ?? 0} tests passed as the file says`,
    );
    const own = await codeOf(
      as(AUTHOR).review(id, { review_status: 'approved', review_comments: 'All of it is well done.' }),
    );
    say(`${AUTHOR} approves it: ${own}`);
    const amendments = ['Say which retries there are'];
    const sent = {
      review_status: 'amendments_required',
      review_comments: 'One thing is missing.',
      amendments,
    } as const;
    say(`${REVIEWER}: ${(await life.until(as(REVIEWER).review(id, sent))).status} (${amendments.join('')})`);
    await life.until(as(AUTHOR).update(id, { lessons_learned: ['Three retries with a back-off are enough'] }));
    const again = await life.until(as(AUTHOR).submit(id));
    say(`${AUTHOR} amends it, and hands version ${again.version} in`);
    const stale = await codeOf(as('@developer').signOff(id, { sign_off_role: 'developer', status: 'approved' }));
    const approved = await life.until(
      as(REVIEWER).review(id, { review_status: 'approved', review_comments: 'Now it is whole.', quality_score: 0.95 }),
    );
    say(`${REVIEWER}: ${approved.status}`);
    for (const [agent, role] of SIGNERS) {
      await life.until(as(agent).signOff(id, { sign_off_role: role, status: 'approved', comments: 'As I saw it' }));
      say(`${agent} signs it off as ${role}`);
    }
    const done = await life.until(as(AUTHOR).get(id));
    const history = await life.until(as(AUTHOR).history(id));
    const audit = await stage.storage.audit.verify();
    const digests = new Set(done.sign_offs.filter((s) => s.counts).map((s) => s.digest));
    return {
      handoffId: id,
      workflowId: reportWorkflowIdOf(id),
      procedure: 'report',
      outcome: 'completed',
      happened: `signed off, version ${done.version}`,
      checks: checksOf(done, {
        own,
        stale,
        digests: [...digests],
        versions: history.versions.length,
        tests: tests?.passed,
        isAuditWhole: audit.ok,
      }),
    };
  },
};

function checksOf(
  done: ReportView,
  seen: {
    own: string;
    stale: string;
    digests: string[];
    versions: number;
    tests: number | undefined;
    isAuditWhole: boolean;
  },
) {
  return [
    check('all required roles have signed it off', done.sign_off_status === 'complete', done.sign_off_status),
    check(
      'each of them the digest that stands',
      seen.digests.length === 1 && seen.digests[0] === done.digest,
      seen.digests,
    ),
    check('its author could not review it', seen.own === 'FORBIDDEN', seen.own),
    check('nobody could sign what was not approved', seen.stale === 'REPORT_STATE', seen.stale),
    check('what the tests say was read from the file', (seen.tests ?? 0) > 0, seen.tests),
    check(`${seen.versions} versions are kept`, seen.versions === done.version, seen.versions),
    check('the audit log is whole', seen.isAuditWhole, 'it is not'),
  ];
}

const tell =
  (stage: Stage) =>
  (line: string): void =>
    stage.say(`   ${stage.paint.dim(clock(Date.now()))}  ${stage.paint.cyan(line)}`);
