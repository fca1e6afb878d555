// A process that passes artifacts on and takes them back, as a worker does: `Passing` tells it what by messages.
import process from 'node:process';
import { transferArtifacts } from '../../dist/activities/transfer-artifacts.js';
import { undoEffects } from '../../dist/activities/undo.js';
import { openStorage } from '../../dist/storage/storage.js';

const storage = await openStorage(JSON.parse(process.env.PASSING));
const deps = { storage, rules: new Map(), actions: new Map() };
const signal = new AbortController().signal;

async function pass({ subject, step, artifacts, target }) {
  await storage.handoffs.register(subject, 'run', 'running');
  const task = { subject, step, action: 'transfer', epoch: 1, rules: [], with: {}, stopAt: 'high', severities: {} };
  await storage.steps.begin({ handoff: subject.handoffId, session: subject.session, step, epoch: 1 });
  const content = { artifacts, context: {}, metadata: {} };
  const context = { task: { ...task, irreversible: false }, content, storage, signal };
  await transferArtifacts(context, deps, { artifacts, source: { phase: '8' }, target });
}

/** As a rollback does: shut, then newest first; where somebody has changed a file, by a decision. */
async function undo({ subject, steps, choice, merged }) {
  await storage.steps.shut(subject.handoffId, steps);
  const decided = [];
  for (const { key, resource } of await storage.ledger.toUndo(subject.handoffId, 100)) {
    const choices = {};
    const once = () => undoEffects(deps, { subject, keys: [key], choices }, signal);
    const [result] = await once().catch((error) => {
      if (error.code !== 'UNDO_CONFLICT') throw error;
      choices[key] = { choice, value: merged };
      return once();
    });
    if (choices[key]) decided.push({ place: resource.slice('file:'.length), result });
  }
  return decided;
}

async function answer({ id, what, ...order }) {
  try {
    process.send({ id, decided: (await (what === 'pass' ? pass(order) : undo(order))) ?? [] });
  } catch (error) {
    process.send({ id, code: error.code, message: error.stack });
  }
}

process.on('message', (order) => void answer(order));
process.once('disconnect', () => process.exit());
process.send('ready');
