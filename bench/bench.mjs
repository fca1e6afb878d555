// `npm run bench`: compiles bench/ with src/, bundles the workflows, and runs bench/main.ts. Node 20 runs no TypeScript.
import { execFileSync } from 'node:child_process';
import { cpSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const started = Date.now();
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
// One folder a run, so that two benches do not pull the ground from under each other.
const out = path.join(realpathSync(path.join(root, 'node_modules')), '.cache', `handoff-bench-${process.pid}`);
process.on('exit', () => rmSync(out, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
execFileSync(process.execPath, [tsc, '-p', path.join(root, 'bench'), '--outDir', out], { stdio: 'inherit' });
writeFileSync(path.join(out, 'package.json'), '{"type":"module"}');

// The bundle is where createHandoffWorker looks for it, made as the build makes it.
renameSync(path.join(out, 'src'), path.join(out, 'dist'));
symlinkSync('dist', path.join(out, 'src'));
// The service serves its page and the errors' page as they are written.
symlinkSync(path.join(root, 'docs'), path.join(out, 'docs'));
cpSync(path.join(root, 'src/api/page'), path.join(out, 'dist/api/page'), { recursive: true });
const { writeWorkflowBundle } = await import(pathToFileURL(path.join(out, 'dist', 'temporal', 'bundle.js')).href);
await writeWorkflowBundle(path.join(out, 'dist'));
// The other side has a bundle of its own: a run evaluates all of its bundle, and should not pay for our modules.
const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
const workflowsPath = path.join(out, 'bench', 'bare-workflows.js');
const { code } = await bundleWorkflowCode({ workflowsPath, logger: quiet });
writeFileSync(path.join(out, 'bench', 'bare-bundle.js'), code);

const args = process.argv.slice(2);
if (args.includes('peers')) {
  // Their packages are installed in their own folder, where nothing of the root is compiled to.
  const { main } = await import('./peers/main.mjs');
  await main(args, out);
} else {
  const { main } = await import(pathToFileURL(path.join(out, 'bench', 'main.js')).href);
  await main(args, started);
}
