import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';

interface Outcome {
  requests: number;
  runs: { as: string; requests: number; statuses: Record<string, number>; operations: number }[];
  faults: string[];
}

/** The short form of `npm run fuzz:api`, in a process and with a stack of its own. */
function fuzzed(): Promise<{ code: number | null; out: string; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['scripts/fuzz-api.mjs', '--short', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, said }));
  });
}

test('the API answers a fuzzer as its document says', { timeout: 15 * 60_000 }, async (ctx) => {
  const { code, out, said } = await fuzzed();
  if (code === 3) ctx.skip(`no fuzzer: ${said.trim().split('\n').join(' ')}`);
  if (out === '') throw new Error(said);
  const { requests, runs, faults } = JSON.parse(out) as Outcome;
  expect(faults.join('\n\n')).toBe('');
  expect(code).toBe(0);
  expect(requests).toBeGreaterThan(200);
  expect(runs.map((r) => r.as)).toEqual(['admin', '@fuzz-agent']);
  // A key that was lost on the way would make every answer the same.
  for (const { statuses, requests: all } of runs) {
    expect(statuses['200']).toBeGreaterThan(20);
    expect(statuses['401'] ?? 0).toBeLessThan(all / 2);
  }
});
