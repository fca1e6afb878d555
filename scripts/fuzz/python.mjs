// Python with schemathesis in a virtual environment in our cache, as the embedded Temporal server is.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { defaultCacheDir, fillFolder, withLock } from '../../dist/temporal/cache.js';
import { run } from '../../dist/temporal/executables.js';
import { createHash } from 'node:crypto';

const CANDIDATES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];
const LOOK =
  'import sys, venv, ensurepip; print(sys.version_info >= (3, 10) and sys.implementation.name == "cpython", sys.version.split()[0])';

/** Why nothing can be fuzzed here, and what to do about it. */
export class NotHere extends Error {}

/** The python of an environment that has what `requirements` (a file) names. Throws NotHere. */
export async function pythonWith(requirements, log) {
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const target = path.join(defaultCacheDir(), `schemathesis-${digest}`);
  const inside = (folder) =>
    process.platform === 'win32' ? path.join(folder, 'Scripts', 'python.exe') : path.join(folder, 'bin', 'python');
  return withLock(
    `${target}.lock`,
    async () => {
      // The interpreter that it was made with may be gone since.
      if (existsSync(inside(target)) && runs(inside(target))) return inside(target);
      const { python, version } = found();
      log(`Installing schemathesis into ${target} with Python ${version}: about a minute, the first time only`);
      const began = Date.now();
      await fillFolder(target, async (stage) => {
        const steps = [
          [python, ['-m', 'venv', stage]],
          [
            inside(stage),
            ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '-q', '-r', requirements],
          ],
        ];
        for (const [file, args] of steps) {
          const { ok, output } = await run(file, args, { timeoutMs: 10 * 60_000 });
          const last = output.trim().split('\n').slice(-4).join('\n');
          if (!ok) throw new NotHere(`${path.basename(file)} ${args.slice(0, 3).join(' ')} failed:\n${last}`);
        }
        return true;
      });
      log(`Installed in ${Math.round((Date.now() - began) / 1000)} s`);
      return inside(target);
    },
    { log },
  );
}

const runs = (python) => spawnSync(python, ['-c', 'import schemathesis'], { timeout: 60_000 }).status === 0;

function found() {
  for (const python of CANDIDATES) {
    const { status, stdout } = spawnSync(python, ['-c', LOOK], { encoding: 'utf8', timeout: 30_000 });
    const [fits, version] = (stdout ?? '').trim().split(' ');
    if (status === 0 && fits === 'True') return { python, version };
  }
  throw new NotHere(
    'there is no python3 of 3.10 or later with venv and pip; install one (Debian: apt install python3-venv)',
  );
}
