import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';

const ROOT = path.resolve(import.meta.dirname, '..', '..');

/** What the next build does otherwise: new commands, each behind a patch of its own, at the start, at an acceptance, at the end. */
const CHANGES: [file: string, at: string, then: string][] = [
  // Asked before the first local activity: see "Patches" in ARCHITECTURE.md.
  ['handoff/workflow.ts', 'let cancelled = false;', `const nextStart = patched('next-start');`],
  ['handoff/workflow.ts', 'await open(run);', `if (nextStart) await sleep('10ms', { summary: 'New at the start' });`],
  [
    'handoff/messages.ts',
    "run.dispatch({ ...m, leaseMinutes: m.leaseMinutes ?? undefined, type: 'accept' });",
    `if (patched('next-accept')) upsertMemo({ acceptedBy: m.by });`,
  ],
  [
    'handoff/view.ts',
    'if (run.completed) return this.shut(run.completed);',
    `if (patched('next-end')) await sleep('10ms', { summary: 'New at the end' });`,
  ],
];
const IMPORTS: Record<string, string> = {
  'handoff/workflow.ts': 'patched',
  'handoff/messages.ts': 'patched, upsertMemo',
  'handoff/view.ts': 'patched, sleep',
};

/** Bundles the next build of the engine: today's workflow code with {@link CHANGES}. Returns the bundle's file. */
export async function nextBuild(folder: string): Promise<string> {
  const src = path.join(folder, 'src');
  mkdirSync(src, { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  for (const part of ['workflows', 'core', 'messages', 'messages.ts'])
    cpSync(path.join(ROOT, 'src', part), path.join(src, part), { recursive: true });
  for (const [name, at, then] of CHANGES) {
    const file = path.join(src, 'workflows', name);
    const text = readFileSync(file, 'utf8');
    if (text.split(at).length !== 2)
      throw new Error(`${name} has no single place "${at}": the next build cannot be made`);
    writeFileSync(file, text.replace(at, `${at}\n${then}\n`));
  }
  for (const [name, names] of Object.entries(IMPORTS)) {
    const file = path.join(src, 'workflows', name);
    writeFileSync(file, `import { ${names} } from '@temporalio/workflow';\n${readFileSync(file, 'utf8')}`);
  }
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  const workflows = path.join(src, 'workflows');
  const { code } = await bundleWorkflowCode({
    workflowsPath: path.join(workflows, 'index.ts'),
    workflowInterceptorModules: [path.join(workflows, 'start-guard.ts')],
    payloadConverterPath: path.join(workflows, 'payload-converter.ts'),
    logger: quiet,
  });
  const file = path.join(folder, 'next-build.js');
  writeFileSync(file, code);
  return file;
}
