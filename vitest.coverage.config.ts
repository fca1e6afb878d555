import { defineConfig } from 'vitest/config';

/** What agents pass to each other without a server is tested to the last branch; these tests need none either. */
export default defineConfig({
  test: {
    include: ['test/coordination/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    coverage: {
      enabled: true,
      provider: 'v8',
      include: ['src/coordination/**'],
      reporter: ['text'],
      thresholds: { 100: true },
    },
  },
});
