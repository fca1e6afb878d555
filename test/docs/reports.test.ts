import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PREFIX, Service } from '../api/reports/service.js';
import { blocksOf } from './pages.js';

// The page is typed into one shell, from top to bottom; of each answer that it shows, what it shows must be in it.
let service: Service;
beforeAll(async () => {
  service = await Service.open();
  service.rig.reports.begun.add('shop-report');
});
afterAll(() => service.close());

const MARK = '@@@ end of a block @@@';

async function typed(blocks: readonly string[]): Promise<string[]> {
  const { author, reviewer, developer, lead, qa } = service.keys;
  const env = {
    ...process.env,
    API: service.base + PREFIX,
    AUTHOR_KEY: author,
    REVIEWER_KEY: reviewer,
    DEV_KEY: developer,
    LEAD_KEY: lead,
    QA_KEY: qa,
    SESSION: service.task.pipeline_id,
    TASK: service.task.task_id,
  };
  const shell = spawn('bash', ['-eu'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  shell.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  shell.stdin.end(blocks.map((body) => `${body}\necho '${MARK}'\n`).join(''));
  const code = await new Promise((resolve) => shell.once('close', resolve));
  expect(code).toBe(0);
  return Buffer.concat(chunks).toString('utf8').split(MARK).slice(0, -1);
}

test('docs/reports.md, as it is read', { timeout: 120_000 }, async () => {
  const blocks = blocksOf('docs/reports.md').filter(({ language }) => ['sh', 'json'].includes(language));
  const answers = await typed(blocks.filter((b) => b.language === 'sh').map((b) => b.body));
  // Each answer that is shown is of the block before it.
  const shown = blocks.flatMap(({ language, body, line }, i) => {
    const asked = blocks.slice(0, i).filter((b) => b.language === 'sh').length - 1;
    return language === 'json' ? [{ line, body, said: answers[asked]! }] : [];
  });
  expect(shown.length).toBeGreaterThan(8);
  for (const { line, body, said } of shown) {
    const answer = JSON.parse(said) as unknown;
    expect({ line, answer }).toMatchObject({ line, answer: JSON.parse(body) as unknown });
  }
});
