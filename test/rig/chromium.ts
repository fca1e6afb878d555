import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { defaultCacheDir, withLock } from '../../src/temporal/cache.js';
import { findOnPath } from '../../src/temporal/executables.js';
import { installFromDebian } from './debian.js';

const DOWNLOAD_MS = 180_000;
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

async function found(): Promise<string | undefined> {
  for (const name of NAMES) {
    const file = await findOnPath(name);
    if (file) return file;
  }
  return undefined;
}

/**
 * A Chromium to look at pages with: `HANDOFF_CHROMIUM`, one on PATH, Debian's where we may install it (half a minute), else
 * Playwright's download. Undefined where none can be had; `log` hears why.
 */
export async function obtainChromium(log: (line: string) => void): Promise<string | undefined> {
  const own = process.env['HANDOFF_CHROMIUM'];
  if (own) return own;
  const lock = path.join(defaultCacheDir(), 'chromium.lock');
  const install = async (): Promise<string | undefined> =>
    (await found()) ?? (await fromDebian(log)) ?? (await fromPlaywright(log));
  return (await found()) ?? withLock(lock, install, { log });
}

const run = promisify(execFile);

const fromDebian = async (log: (line: string) => void): Promise<string | undefined> =>
  (await installFromDebian(['chromium', 'fonts-dejavu-core'], log)) ? found() : undefined;

async function fromPlaywright(log: (line: string) => void): Promise<string | undefined> {
  if (existsSync(chromium.executablePath())) return chromium.executablePath();
  log('Downloading a Chromium with Playwright: about a minute, once');
  try {
    const cli = path.join(path.dirname(fileURLToPath(import.meta.resolve('playwright-core'))), 'cli.js');
    await run(process.execPath, [cli, 'install', 'chromium'], { timeout: DOWNLOAD_MS, maxBuffer: 1 << 26 });
    return chromium.executablePath();
  } catch (error) {
    log(
      `No Chromium on PATH, and none could be installed (${(error as Error).message.split('\n')[0]!}); HANDOFF_CHROMIUM names one elsewhere`,
    );
    return undefined;
  }
}
