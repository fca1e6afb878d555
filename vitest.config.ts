import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const globalSetup = 'test/rig/global-setup.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: existsSync(globalSetup) ? [globalSetup] : [],
    // A test must not pass because another one left something behind in its process.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
    // Where processes are killed and machines are shared, time is not ours. The reporter names what needed a second try, and
    // what is found at the end of a file (a replay that differs, something left open) has none.
    retry: process.env['CI'] ? 1 : 0,
    reporters: ['default', './test/rig/summary-reporter.ts'],
  },
});
