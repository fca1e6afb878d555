import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import path from 'node:path';
import { defaultCacheDir, withLock } from '../../src/temporal/cache.js';
import { findOnPath } from '../../src/temporal/executables.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

async function found(): Promise<string | undefined> {
  for (const name of NAMES) {
    const file = await findOnPath(name);
    if (file) return file;
  }
  return undefined;
}

/**
 * A Chromium to look at pages with: `HANDOFF_CHROMIUM`, one on PATH, else Debian's, where we may install it (half a
 * minute). Undefined where none can be had; `log` hears why.
 */
export async function obtainChromium(log: (line: string) => void): Promise<string | undefined> {
  const own = process.env['HANDOFF_CHROMIUM'];
  if (own) return own;
  const lock = path.join(defaultCacheDir(), 'chromium.lock');
  return (await found()) ?? withLock(lock, async () => (await found()) ?? install(log), { log });
}

async function install(log: (line: string) => void): Promise<string | undefined> {
  const apt = await findOnPath('apt-get');
  if (!apt || process.getuid?.() !== 0) {
    log('No Chromium on PATH, and no right to install one (HANDOFF_CHROMIUM names one elsewhere)');
    return undefined;
  }
  log("Installing Debian's Chromium with apt-get: about half a minute, once");
  const run = promisify(execFile);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run(apt, ['update'], { env, maxBuffer: 1 << 26 });
    await run(apt, ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'], {
      env,
      maxBuffer: 1 << 26,
    });
    return await found();
  } catch (error) {
    log(`Chromium could not be installed: ${(error as Error).message.split('\n')[0]!}`);
    return undefined;
  }
}
