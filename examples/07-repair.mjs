// Repair from a service. Beside a running `handoff dev`: node examples/07-repair.mjs [DATA_FOLDER]
//
// The procedure holds where a step fails. Two handoffs meet two incidents each; the service ends them in three ways:
// it retries a step with amended input, skips a step, and rolls a handoff back.
import { setTimeout as sleep } from 'node:timers/promises';
import { HandoffClient, connectClient, openStorage } from 'handoff';

const { client: temporal, connection } = await connectClient();
const storage = await openStorage({ folder: process.argv[2] ?? '.handoff' });
const client = new HandoffClient({ temporal, storage });

await client.agents.add({ name: '@author', heartbeatSeconds: 3600 });
// Anew at each run, so that it has sent one heartbeat only.
await client.agents.remove('@translator');
await client.agents.add({ name: '@translator', heartbeatSeconds: 3600, capabilities: ['french'] });
await client.addProcedure({
  procedure_id: 'TRANSLATION_HANDOFF',
  version: '1.0.0',
  name: 'Handoff to a translator',
  on_failure: 'hold',
  steps: [
    {
      step_id: 'able',
      name: 'Able',
      action: 'validate',
      rules: ['VR004'],
      with: { capabilities: ['german'] },
    },
    { step_id: 'share', name: 'Share the Text', action: 'sync_state' },
    // It wants three heartbeats on time.
    { step_id: 'steady', name: 'Steady', action: 'validate', rules: ['VR006'] },
  ],
  rollback_procedures: [{ rollback_id: 'take_back', name: 'Take the text back', steps: ['share'] }],
});

const session = `translation-${Date.now()}`;
const start = async (text) => {
  const request = { procedure: 'TRANSLATION_HANDOFF', session, context: { text }, acceptance: 'auto' };
  const { handoffId } = await client.start({
    ...request,
    source: { agent: '@author' },
    target: { agent: '@translator' },
  });
  return handoffId;
};

/** The open incident of a handoff at a step, once it is there. */
async function incidentAt(handoffId, step) {
  for (let look = 0; look < 300; look++) {
    const { state } = await client.status(handoffId);
    const found = state?.incidents.find((i) => i.step === step);
    if (found) {
      console.log(`${step}: ${found.error.code} ${found.error.message}`);
      return found.id;
    }
    await sleep(100);
  }
  throw new Error(`${handoffId} met no incident at ${step}`);
}

const by = 'translation-service';
const text = async () => (await client.sessions.context(session)).map((entry) => entry.value);

// 1. Retried with amended input: laid over the step's `with`, for this handoff only.
const first = await start('Hello');
const able = await incidentAt(first, 'able');
await client.retry(first, { by, reason: 'french will do', incidentId: able, input: { capabilities: ['french'] } });

// 2. Skipped. Finished steps keep their results.
const steady = await incidentAt(first, 'steady');
await client.skip(first, { by, reason: 'a new translator', incidentId: steady });
const skipped = await client.result(first);
console.log(`first: ${skipped.outcome}, text: ${(await text()).join()}`);

// 3. Rolled back: what the second one did is undone, what the first one did stays.
const second = await start('Goodbye');
const again = await incidentAt(second, 'able');
await client.retry(second, { by, reason: 'french will do', incidentId: again, input: { capabilities: ['french'] } });
const unsteady = await incidentAt(second, 'steady');
console.log(`meanwhile, text: ${(await text()).join()}`);
await client.rollback(second, { by, reason: 'one text is enough', incidentId: unsteady });
const undone = await client.result(second);
console.log(`second: ${undone.outcome}, text: ${(await text()).join()}`);

await storage.close();
await connection.close();
