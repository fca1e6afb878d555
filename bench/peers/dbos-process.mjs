// The same four steps as a DBOS workflow, in a process of its own: asked over IPC, because DBOS runs inside an application.
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { DBOS } from '@dbos-inc/dbos-sdk';

const { out, url, folder, sources } = JSON.parse(process.argv[2]);
const load = (file) => import(pathToFileURL(path.join(out, file)).href);
const { openStorage } = await load('dist/storage/storage.js');
const { createParts, runAction } = await load('dist/activities/index.js');
const { runValidation } = await load('dist/activities/validate.js');

const storage = await openStorage({ folder, sources });
const parts = createParts({ storage });
const { signal } = new AbortController();

/** The bodies of bare-activities.ts, without the signal of an activity of Temporal's. */
const validate = (task) => runValidation(parts, task, signal);
const action = (name) => (task) => runAction(parts, parts.actions.get(name), task, signal);
const [transfer, syncState] = [action('transfer'), action('sync_state')];

const taskOf = (subject, step, action, more = {}) => ({
  subject,
  step,
  action,
  epoch: 1,
  rules: [],
  with: {},
  stopAt: 'high',
  severities: {},
  irreversible: false,
  ...more,
});
const passed = (verdict) => {
  if (!verdict.passed) throw new Error(verdict.failures.join('; '));
};

/** As in bare-workflows.ts. */
async function phaseTransition(subject) {
  const step = (name, run) => DBOS.runStep(run, { name, retriesAllowed: true });
  const before = taskOf(subject, 'phase_completion_validation', 'validate', { rules: ['VR001', 'VR002'] });
  passed(await step('before', () => validate(before)));
  const moved = taskOf(subject, 'resource_handoff', 'transfer', { with: { what: ['artifacts'] } });
  await step('transfer', () => transfer(moved));
  await step('state', () => syncState(taskOf(subject, 'state_synchronization', 'sync_state')));
  const after = taskOf(subject, 'handoff_validation', 'validate', { rules: ['VR003'] });
  passed(await step('after', () => validate(after)));
}

const workflow = DBOS.registerWorkflow(phaseTransition, { name: 'phaseTransition' });
DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, logLevel: 'error' });
await DBOS.launch();

async function answer({ id, subject }) {
  try {
    const handle = await DBOS.startWorkflow(workflow, { workflowID: id })(subject);
    await handle.getResult();
    process.send({ id });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
}

async function close() {
  await DBOS.shutdown();
  await storage.close();
  process.exit(0);
}

process.on('message', (asked) => void answer(asked));
process.once('disconnect', () => void close());
process.send('ready');
