// What is there when the fuzzing begins, all of it put there through the API: something of each kind in each state that
// matters, so that requests meet more than "not found". test/fuzz/schemathesis.toml has the same names.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMPONENT_TYPES } from '../../dist/core/report/report.js';

export const AGENT = '@fuzz-agent';
const TARGET = '@fuzz-target';
const SUMMARY = 'Retries, breakers and their tests are done; the load test ran for an hour without a fault.';

const step = (step_id, action, more = {}) => ({ step_id, name: step_id, action, ...more });
const COMMON = {
  version: '1.0.0',
  rollback_procedures: [{ rollback_id: 'take_back', name: 'Take it back', steps: ['share'] }],
};
const PROCEDURES = [
  { procedure_id: 'FUZZ_PLAIN', steps: [step('share', 'sync_state'), step('asked', 'confirm')] },
  {
    procedure_id: 'FUZZ_HOLD',
    on_failure: 'hold',
    // The target cannot do that, and a person has to say what then.
    steps: [
      step('able', 'validate', { rules: ['VR004'], with: { capabilities: ['german'] } }),
      step('share', 'sync_state'),
    ],
  },
];

/** The keys that the two runs are done with. */
export async function seed({ ask, admin }, source) {
  const must = async (method, at, options = {}) => {
    const answer = await ask(method, at, { key: admin, ...options });
    if (answer.status >= 300) throw new Error(`${method} ${at}: ${answer.status} ${answer.text}`);
    return answer.json;
  };
  const keyOf = async (name, roles) => {
    await must('POST', '/agents', { body: { name, heartbeatSeconds: 86_400 } });
    return (await must('POST', `/agents/${encodeURIComponent(name)}/keys`, { body: { roles } })).api_key;
  };
  const keys = {
    // Not the one that `handoff dev` made: fuzzing finds its id and revokes it.
    admin: await keyOf('@fuzz-admin', ['admin']),
    agent: await keyOf(AGENT, []),
    target: await keyOf(TARGET, []),
    reviewer: await keyOf('@fuzz-reviewer', ['reviewer', 'developer']),
  };
  for (const procedure of PROCEDURES) {
    await must('POST', '/procedures', { body: { ...COMMON, name: procedure.procedure_id, ...procedure } });
  }
  writeFileSync(path.join(source, 'notes.json'), '{"done": true}\n');
  const sends = { 'notes.json': { description: 'What was done', required_fields: ['done'] } };
  await must('POST', '/contracts', {
    body: { contract_id: 'fuzz-contract', version: '1.0.0', from_agent: AGENT, to_agent: TARGET, contract: { sends } },
  });

  const until = async (at, fits) => {
    for (const end = Date.now() + 60_000; ; await sleep(100)) {
      const found = await must('GET', at);
      if (fits(found)) return found;
      if (Date.now() > end) throw new Error(`${at} is still ${JSON.stringify(found).slice(0, 500)}`);
    }
  };
  const handoff = async (handoffId, procedure, acceptance, more = {}) => {
    const parties = { source: { agent: AGENT }, target: { agent: TARGET } };
    await must('POST', '/handoffs', {
      key: keys.agent,
      body: { handoffId, procedure, acceptance, session: 'fuzz-session', ...parties, ...more },
    });
  };
  for (let n = 1; n <= 3; n++) {
    await handoff(`fuzz-offered-${n}`, 'FUZZ_PLAIN', 'explicit', { context: { [`note_${n}`]: n } });
    await handoff(`fuzz-held-${n}`, 'FUZZ_HOLD', 'auto');
  }
  const artifacts = [{ name: 'notes.json', path: 'notes.json' }];
  await handoff('fuzz-done', 'FUZZ_PLAIN', 'auto', { artifacts });
  await until('/handoffs/fuzz-done', (h) => h.status === 'completed');
  for (let n = 1; n <= 3; n++) {
    await until(`/handoffs/fuzz-offered-${n}`, (h) => h.status === 'awaiting_acceptance');
    await until(`/handoffs/fuzz-held-${n}`, (h) => h.state?.incidents?.some((i) => i.status === 'open' || !i.closedAt));
  }
  await must('POST', '/handoffs/fuzz-offered-3/accept', { key: keys.target, body: {} });

  const components = Object.fromEntries(
    COMPONENT_TYPES.map((type) => [type, { status: 'completed', progress_percentage: 100 }]),
  );
  const report = async (report_id, decision) => {
    const task = { pipeline_id: 'fuzz-session', task_id: 'fuzz-done' };
    const as = { key: keys.agent };
    await must('POST', '/reports', { ...as, body: { report_id, ...task, work_summary: SUMMARY, components } });
    const at = `/reports/${report_id}`;
    await must('PUT', `${at}/attachments?name=notes.txt`, {
      ...as,
      raw: 'As it was.',
      headers: { 'content-type': 'text/plain' },
    });
    if (decision === undefined) return;
    await must('POST', `${at}/submit`, { ...as, body: {} });
    await until(at, (r) => r.status === 'under_review');
    if (decision === 'under_review') return;
    const body = { review_status: decision, review_comments: 'As I have seen it on the machine.' };
    await must('POST', `${at}/review`, { key: keys.reviewer, body });
  };
  for (let n = 1; n <= 2; n++) {
    await report(`fuzz-draft-${n}`);
    await report(`fuzz-review-${n}`, 'under_review');
    await report(`fuzz-approved-${n}`, 'approved');
  }
  await report('fuzz-rejected', 'rejected');
  await report('fuzz-amend', 'amendments_required');
  await must('POST', '/reports/fuzz-approved-1/sign-off', {
    key: keys.reviewer,
    body: {
      sign_off_role: 'developer',
      status: 'conditionally_approved',
      comments: 'Once it is measured.',
      conditions: ['Measure it'],
    },
  });
  // Nothing listens there: what is sent becomes a dead letter.
  await must('POST', '/webhooks', { body: { url: 'http://127.0.0.1:9/nobody', types: [] } });
  return keys;
}
