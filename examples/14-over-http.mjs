// Two agents and an operator over HTTP: nothing here speaks to Temporal, and each sees only what is theirs. Beside `handoff
// dev`: node examples/14-over-http.mjs [DATA_FOLDER]
//
// It prints who may do what with one handoff, and its outcome. The service's address and the operator's key are where
// `handoff dev` has put them; elsewhere you have them from whoever runs `handoff serve`.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { HandoffClient } from 'handoff';

const folder = process.argv[2] ?? '.handoff';
const { apiUrl: url } = JSON.parse(readFileSync(path.join(folder, 'dev.json'), 'utf8'));
const adminKey = readFileSync(path.join(folder, 'admin.key'), 'utf8').trim();
const operator = new HandoffClient({ url, apiKey: adminKey });

/** Registers an agent, and gives a client that speaks as it: the key is shown this once. */
async function agent(name) {
  await operator.agents.add({ name, heartbeatSeconds: 3600 });
  const response = await fetch(`${url}/api/v1/agent-handoff/agents/${name}/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: '{}',
  });
  const { api_key: apiKey } = await response.json();
  return new HandoffClient({ url, apiKey });
}
const writer = await agent('@http-writer');
const reader = await agent('@http-reader');
const stranger = await agent('@http-stranger');

const handoffId = `over-http-${randomUUID().slice(0, 8)}`;
const request = {
  handoffId,
  procedure: 'AGENT_HANDOFF_STANDARD',
  source: { agent: '@http-writer' },
  target: { agent: '@http-reader' },
  instructions: { task: 'Read it', expectedOutput: 'A word', doneCriteria: ['it was read'] },
};
const seen = (call) =>
  call.then(
    () => 'yes',
    (error) => error.code,
  );

console.log('started:', (await writer.start(request)).existing ? 'again' : 'new');
console.log('the same request again:', (await writer.start(request)).existing ? 'the same handoff' : 'another');
while ((await reader.inbox('@http-reader')).every((item) => item.handoffId !== handoffId)) {
  await new Promise((resolve) => setTimeout(resolve, 200));
}
console.log('a stranger reads it:', await seen(stranger.status(handoffId)));
console.log('its source accepts it:', await seen(writer.accept(handoffId, { by: '@http-writer' })));
const waiting = writer.result(handoffId);
const { epoch } = await reader.accept(handoffId, { by: '@http-reader' });
await reader.complete(handoffId, { by: '@http-reader', epoch });
console.log('outcome:', (await waiting).outcome);
