// One AI agent prepares a document for another. Beside a running `handoff dev`: node examples/11-agent-document.mjs [DATA_FOLDER]
//
// It says what to do, what was decided and how the work went. Handed over durably, it survives both agents; the one that
// takes it up reads it as Markdown, accepts, and completes.
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentHandoffCoordinator, ExecutionTrace, HandoffClient, connectClient, openStorage } from 'handoff';

const [author, reviewer] = ['speckit-generator', 'code-reviewer'];
const { client: temporal, connection } = await connectClient();
const storage = await openStorage({ folder: process.argv[2] ?? '.handoff' });
const client = new HandoffClient({ temporal, storage });
for (const name of [author, reviewer]) await client.agents.add({ name, heartbeatSeconds: 3600 });

// 1. The author is done. What it prepares needs no server.
const trace = new ExecutionTrace('write-spec');
trace.recordDecision('template', 'standard', 'all seven sections are asked for');
trace.recordMetric('sections', 7);
trace.complete();
const document = AgentHandoffCoordinator.prepareHandoff({
  sourceAgent: author,
  targetAgent: reviewer,
  trace,
  context: {
    artifacts: ['spec.md', 'plan.md'],
    userRequest: 'A spec of the sign-in',
    decisions: [{ what: 'Scope', why: 'OAuth2 only', alternatives: ['SAML', 'both'] }],
  },
  instructions: {
    task: 'Review the spec for completeness',
    expectedOutput: 'A list of gaps, each with its section',
    doneCriteria: ['every requirement has an acceptance criterion'],
    avoid: ['Implementation suggestions'],
  },
  priority: 'immediate',
});

// 2. Handed over: from here neither a killed process nor a restart loses it.
const { handoffId, warnings = [] } = await client.start(document);
const missing = warnings.map(({ message }) => message).join(', ') || 'nothing is missing';
console.log(`handed over ${handoffId}: ${missing}`);

// 3. The reviewer takes it up, in this or any other process.
while ((await client.status(handoffId)).status !== 'awaiting_acceptance') await sleep(100);
const { epoch } = await client.accept(handoffId, { by: reviewer });
console.log(AgentHandoffCoordinator.toMarkdown(await client.document(handoffId)));
await client.complete(handoffId, { by: reviewer, epoch, note: '2 gaps found' });
const { outcome, by = reviewer } = await client.result(handoffId);
console.log(`${outcome} by ${by}: 2 gaps found`);

await storage.close();
await connection.close();
