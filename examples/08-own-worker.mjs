// Worker and client in one program of your own, with a rule, an action and a procedure. Beside a Temporal server, such as
// that of `handoff dev`: node examples/08-own-worker.mjs [DATA_FOLDER]
//
// It hands over two pages. The first is published and accepted; the second has no title, which the rule finds out before
// anything is done. A task queue of its own, because whoever polls a queue must have all that its procedures name.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { HandoffClient, connectClient, createHandoffWorker, openStorage } from 'handoff';

const titled = {
  id: 'PAGE001',
  name: 'Title Check',
  severity: 'critical',
  async check({ content }) {
    const { title } = content.context.page ?? {};
    return title ? { passed: true, message: `"${title}"` } : { passed: false, message: 'the page has no title' };
  },
};

const publish = {
  name: 'publish_page',
  async run({ content, effect, storage }) {
    const { name, title } = content.context.page;
    const file = path.join(storage.root, 'site', `${name}.html`);
    // What `undo` needs is on record before the page is written.
    return effect('page', { file }, async () => {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, `<h1>${title}</h1>\n`);
      return { file };
    });
  },
  async undo({ data }) {
    await rm(data.file, { force: true });
  },
};

const procedure = {
  procedure_id: 'PAGE_HANDOFF',
  version: '1.0.0',
  name: 'Handoff of a page',
  steps: [
    { step_id: 'title', name: 'Title', action: 'validate', rules: ['PAGE001'] },
    { step_id: 'publish', name: 'Publish', action: 'publish_page' },
    { step_id: 'answer', name: 'Ask the Editor', action: 'confirm' },
  ],
  rollback_procedures: [{ rollback_id: 'unpublish', name: 'Unpublish', steps: ['publish'] }],
};

// Temporal's own log: a handoff that fails would be a warning with a stack.
Runtime.install({ logger: new DefaultLogger('ERROR') });

const taskQueue = 'pages';
const storage = await openStorage({ folder: process.argv[2] ?? '.handoff' });
const parts = { procedures: [procedure], rules: [titled], actions: [publish] };
const worker = await createHandoffWorker({ taskQueue, storage, ...parts });
const running = worker.run();

const { client: temporal, connection } = await connectClient();
const client = new HandoffClient({ temporal, storage, taskQueue });
try {
  await client.agents.add({ name: '@writer', heartbeatSeconds: 3600 });
  await client.agents.add({ name: '@editor', heartbeatSeconds: 3600 });
  const request = { procedure: 'PAGE_HANDOFF', source: { agent: '@writer' }, target: { agent: '@editor' } };

  const { handoffId } = await client.start({ ...request, context: { page: { name: 'news', title: 'News' } } });
  while ((await client.status(handoffId)).status !== 'awaiting_acceptance') {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { epoch } = await client.accept(handoffId, { by: '@editor' });
  await client.complete(handoffId, { by: '@editor', epoch });
  console.log(`news: ${(await client.result(handoffId)).outcome}`);

  const bad = await client.start({ ...request, context: { page: { name: 'untitled' } } });
  const { outcome, reason = '' } = await client.result(bad.handoffId);
  console.log(`untitled: ${outcome}: ${reason}`);
} finally {
  // It drains: what is in flight ends first.
  worker.shutdown();
  await running;
  await connection.close();
  await storage.close();
}
