import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { run } from './executables.js';

/** How long the SDK may take until its first byte is on disk; behind a firewall that drops packets it would wait minutes. */
const FIRST_BYTE_MS = 10_000;
const WHOLE_MS = 10 * 60_000;

// The SDK has no call that only downloads: creating an environment downloads its server, starts it, and we tear it down.
// In a process of its own, so that it can be killed, and so that no SDK runtime with its signal handlers stays in ours.
const SCRIPT = `
const [testing, method, version, downloadDir] = process.argv.slice(1);
require(testing).TestWorkflowEnvironment[method]({ server: { executable: { type: 'cached-download', version, downloadDir } } })
  .then((environment) => environment.teardown())
  .catch((error) => { console.error(error.message); process.exit(1); });
`;

export type SdkDownload = { path: string } | { failure: string };

/**
 * Lets the Temporal SDK download one of its servers into `folder` (which must be empty).
 *
 * Without internet it fails within 50 ms of the SDK's loading (0.5 s).
 *
 * @param what `dev-server` is the Temporal CLI, `time-skipping` the test server
 * @param version a release such as `v1.5.1`, or `default` for the one that belongs to the SDK
 * @returns the path of the executable, or the reason that there is none; never throws
 */
export async function downloadThroughSdk(
  what: 'dev-server' | 'time-skipping',
  version: string,
  folder: string,
  env = process.env,
): Promise<SdkDownload> {
  const testing = createRequire(import.meta.url).resolve('@temporalio/testing');
  const method = what === 'dev-server' ? 'createLocal' : 'createTimeSkipping';
  const stalled = new AbortController();
  const check = setTimeout(() => {
    if (readdirSync(folder).length === 0) stalled.abort();
  }, FIRST_BYTE_MS);
  const result = await run(process.execPath, ['-e', SCRIPT, testing, method, version, folder], {
    env,
    timeoutMs: WHOLE_MS,
    signal: stalled.signal,
  });
  clearTimeout(check);
  // What counts is the file, not the result: a server that was downloaded well may be too slow for the SDK's 5 s.
  const file = (await readdir(folder)).find((name) => name.startsWith('temporal') && !name.endsWith('.downloading'));
  if (file !== undefined) return { path: join(folder, file) };
  const reason = result.output.split('\n').at(-1)?.split(': ').slice(-2).join(': ');
  return {
    failure: stalled.signal.aborted ? `no answer within ${FIRST_BYTE_MS / 1000} s` : reason || 'it said nothing',
  };
}
