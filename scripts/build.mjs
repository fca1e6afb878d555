// Compiles src/ to dist/ and bundles the workflows once, so that a worker starts in half a second.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, [path.join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'], {
  stdio: 'inherit',
});
const { writeWorkflowBundle } = await import(path.join(root, 'dist/temporal/bundle.js'));
await writeWorkflowBundle();
