// The phases of crash tests: seven of three steps, each with one effect whose receiver honours keys, as a line in a file.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const PHASES = ['extraction', 'analysis', 'synthesis', 'validation', 'checkpoint', 'generation', 'finalization'];
const linesOf = (file) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);

async function run({ session, phase, step, storage, context, effect }) {
  const folder = path.join(storage.folder, '..', 'witness');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, session);
  appendFileSync(`${file}.starts`, `${Date.now()} ${process.pid} ${phase}/${step}\n`);
  await sleep(Math.random() * 40);
  await effect('line', {}, async (key) => {
    appendFileSync(`${file}.calls`, `${key}\n`);
    if (!linesOf(`${file}.lines`).includes(key)) appendFileSync(`${file}.lines`, `${key}\n`);
    await sleep(Math.random() * 20);
  });
  await context.update('steps', (done = []) =>
    done.includes(`${phase}/${step}`) ? done : [...done, `${phase}/${step}`],
  );
  await sleep(Math.random() * 40);
  return { pid: process.pid };
}

/** Waits for a file, whatever its signal says, and then writes; what that is refused with is written down. */
async function wait({ session, storage, context, effect }) {
  const folder = path.join(storage.folder, '..', 'witness');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, session);
  appendFileSync(`${file}.starts`, `${process.pid}\n`);
  while (!existsSync(`${file}.go`)) await sleep(20);
  const note = (error) => appendFileSync(`${file}.refused`, `${error.code}\n`);
  await context.set('who', process.pid).catch(note);
  await context.delete('kept').catch(note);
  await effect('line', {}, async () => appendFileSync(`${file}.lines`, `${process.pid}\n`)).catch(note);
}

export const phases = [
  ...PHASES.map((phase) => ({ phase, steps: ['a', 'b', 'c'].map((name) => ({ name, run })) })),
  { phase: 'stalling', steps: [{ name: 'wait', run: wait }] },
];
