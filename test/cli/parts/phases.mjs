// Phases whose steps wait for a file of their name to be gone, and fail while one named fail-… is there.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const step = (name) => ({
  name,
  maxAttempts: 2,
  async run({ context, effect, signal, storage, phase, session }) {
    const there = (what) => existsSync(path.join(storage.folder, `${what}-${session}-${phase}-${name}`));
    while (there('hold')) await sleep(20, undefined, { signal });
    if (there('fail')) throw new Error('no such model');
    await effect('note', {}, async () => ({ noted: true }));
    await context.set(`${phase}.${name}`, { by: name });
  },
});
const phase = (name) => ({ phase: name, steps: [step('read'), step('write')] });

export default { phases: ['extraction', 'analysis', 'synthesis'].map(phase) };
