import { chmod, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fillFolder, withLock } from './cache.js';
import { findOnPath, isExecutable, run } from './executables.js';
import { downloadThroughSdk } from './sdk-download.js';

/** The newest Temporal CLI that also builds from the Go module proxy; later ones replace a nested module by a local path. */
export const TEMPORAL_CLI_VERSION = '1.5.1';

const MIN_GO = { major: 1, minor: 25 };
const FILE = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

/** Where the Temporal CLI of our version lies in the cache, whether or not it is there yet. */
export function cachedServerPath(cacheDir: string): string {
  return join(cacheDir, `temporal-cli-${TEMPORAL_CLI_VERSION}`, FILE);
}

export type InstallResult = { path: string; how: string } | { failures: string[] };

export interface InstallOptions {
  cacheDir: string;
  log: (line: string) => void;
  env: NodeJS.ProcessEnv;
}

/**
 * Puts the Temporal CLI into the cache: by the SDK's download, else by `go install`. Whoever comes second waits and
 * takes what the first one made.
 *
 * @returns the executable and how it got there, or a reason for each way that failed
 */
export async function installServer({ cacheDir, log, env }: InstallOptions): Promise<InstallResult> {
  const target = join(cacheDir, `temporal-cli-${TEMPORAL_CLI_VERSION}`);
  const path = cachedServerPath(cacheDir);
  const failures: string[] = [];
  return await withLock(
    `${target}.lock`,
    async () => {
      if (await isExecutable(path)) return { path, how: 'our cache' };
      let how = '';
      const done = await fillFolder(target, async (stage) => {
        const bin = join(stage, FILE);
        for (const way of [download, build]) {
          const outcome = await way(stage, bin, { cacheDir, log, env });
          if ('failure' in outcome) failures.push(outcome.failure);
          else {
            // A file that is there is not yet one that runs: wrong architecture, no room left, noexec.
            const trial = await run(bin, ['--version'], { timeoutMs: 30_000 });
            if (trial.ok) {
              how = outcome.how;
              return true;
            }
            failures.push(`${outcome.how}, but it does not run: ${trial.output}`);
          }
        }
        return false;
      });
      return done ? { path, how } : { failures };
    },
    { log },
  );
}

type Outcome = { how: string } | { failure: string };

async function download(stage: string, bin: string, { log, env }: InstallOptions): Promise<Outcome> {
  log(`No Temporal server found; asking the Temporal SDK to download the Temporal CLI ${TEMPORAL_CLI_VERSION}`);
  const result = await downloadThroughSdk('dev-server', `v${TEMPORAL_CLI_VERSION}`, stage, env);
  if ('failure' in result) return { failure: `the Temporal SDK's download failed (${result.failure})` };
  await rename(result.path, bin);
  await chmod(bin, 0o755);
  return { how: 'downloaded by the Temporal SDK' };
}

async function build(stage: string, _bin: string, { log, env, cacheDir }: InstallOptions): Promise<Outcome> {
  const go = await findOnPath('go', env);
  if (go === undefined) return { failure: 'there is no go on PATH to build it with' };
  const version = (await run(go, ['env', 'GOVERSION'], { env, timeoutMs: 30_000 })).output;
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) !== MIN_GO.major || !(Number(minor) >= MIN_GO.minor)) {
    return {
      failure: `${go} is ${version || 'of an unknown version'}; building needs Go ${MIN_GO.major}.${MIN_GO.minor} or later`,
    };
  }
  log(
    `Building the Temporal CLI ${TEMPORAL_CLI_VERSION} with ${version}: about 3 minutes on 2 cores the first time, and then kept in ${cacheDir}`,
  );
  const result = await run(
    go,
    ['install', '-ldflags', '-s -w', `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI_VERSION}`],
    {
      cwd: stage,
      // GOOS and GOARCH would build for another machine, and go refuses GOBIN with them.
      env: { ...env, GOBIN: stage, GOOS: '', GOARCH: '' },
      timeoutMs: 30 * 60_000,
      onWaiting: (seconds) => log(`Still building the Temporal CLI (${seconds} s)`),
    },
  );
  if (!result.ok) return { failure: `go install failed: ${lastLines(result.output)}` };
  log(`Built the Temporal CLI in ${result.seconds} s`);
  return { how: `built with ${version}` };
}

function lastLines(text: string): string {
  return text.split('\n').slice(-5).join('\n');
}
