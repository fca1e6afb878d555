// `npm run screenshots`: brings ten situations about on a real server, mends each in the Temporal Web UI, and keeps a
// picture of what an operator sees in docs/screenshots; and two of the service's own page.
import { spawnSync } from 'node:child_process';
import process from 'node:process';

const env = { ...process.env, HANDOFF_SCREENSHOTS: 'docs/screenshots' };
const { status } = spawnSync('npx', ['vitest', 'run', 'test/situations/web-ui.test.ts', 'test/page'], {
  stdio: 'inherit',
  env,
});
process.exitCode = status ?? 1;
