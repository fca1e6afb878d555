// Compiles src/ and bundles the workflows once, so that a worker starts in half a second. The result takes dist's place
// whole: a build that fails, or is under way, leaves the last one as it was.
import { execFileSync } from 'node:child_process';
import { cpSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const stage = path.join(root, `.dist-${process.pid}`);
const old = `${stage}-old`;
const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');

try {
  execFileSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.json'), '--outDir', stage], {
    stdio: 'inherit',
  });
  // The page is served as it is written.
  cpSync(path.join(root, 'src/api/page'), path.join(stage, 'api/page'), {
    recursive: true,
    filter: (file) => !/\.d\.ts$|tsconfig\.json$/.test(file),
  });
  const { writeWorkflowBundle } = await import(pathToFileURL(path.join(stage, 'temporal', 'bundle.js')).href);
  await writeWorkflowBundle(stage);
  try {
    renameSync(path.join(root, 'dist'), old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  renameSync(stage, path.join(root, 'dist'));
} catch (error) {
  // The compiler has said what is wrong.
  if (error.status === undefined) throw error;
  process.exitCode = 1;
} finally {
  for (const folder of [stage, old]) rmSync(folder, { recursive: true, force: true });
}
