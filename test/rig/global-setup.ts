import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { findServer } from '../../src/temporal/find-server.js';
import { launchServer } from '../../src/temporal/launch-server.js';
import { SEARCH_ATTRIBUTES } from '../../src/temporal/search-attributes.js';
import { obtainTimeSkippingServer } from './time-skipping.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** `host:port` of the one server of this test run. */
    address: string;
    /** The server's executable, for tests that kill one of their own. */
    serverPath: string;
    /** The time-skipping server's, or '' where none could be had. */
    timeSkippingPath: string;
  }
}

/** One embedded server for the whole run; what it needs is found or obtained, with a word on what that takes. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = (line: string): void => console.log(`[set-up] ${line}`);
  // The tests' own server, whatever a developer's shell is connected to.
  const env = { ...process.env, TEMPORAL_ADDRESS: '', TEMPORAL_PROFILE: '', TEMPORAL_CONFIG_FILE: '/nonexistent' };
  const found = await findServer({ log, env });
  if (found.kind !== 'executable') throw new Error('the tests start a server of their own, and none was found');
  const folder = await mkdtemp(path.join(tmpdir(), 'handoff-tests-'));
  const server = await launchServer({
    executable: found.path,
    dbFile: path.join(folder, 'temporal.db'),
    logFile: path.join(folder, 'server.log'),
    headless: true,
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  project.provide('address', server.address);
  project.provide('serverPath', found.path);
  project.provide('timeSkippingPath', (await obtainTimeSkippingServer(log)) ?? '');
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
