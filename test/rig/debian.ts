import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { defaultCacheDir, withLock } from '../../src/temporal/cache.js';
import { findOnPath } from '../../src/temporal/executables.js';
import path from 'node:path';

type Log = (line: string) => void;

const run = promisify(execFile);

/** Whether packages of Debian's could be installed: where there is apt-get, and the right to use it. `log` hears what failed. */
export async function installFromDebian(packages: readonly string[], log: Log): Promise<boolean> {
  const apt = await findOnPath('apt-get');
  if (!apt || process.getuid?.() !== 0) return false;
  log(`Installing ${packages.join(', ')} with apt-get: about half a minute, once`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: 1 << 26 };
  // Two files may want something at the same time.
  return withLock(
    path.join(defaultCacheDir(), 'apt.lock'),
    async () => {
      try {
        await run(apt, ['update'], options);
        await run(apt, ['install', '-y', '--no-install-recommends', ...packages], options);
        return true;
      } catch (error) {
        log(`${packages.join(', ')} could not be installed: ${(error as Error).message.split('\n')[0]!}`);
        return false;
      }
    },
    { log },
  );
}
