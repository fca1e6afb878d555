import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { environment, haveServer, launch, type Running } from '../cli/rig.js';
import { ROOT, blocksOf, words, type Block } from './pages.js';

// Pages that a reader follows from top to bottom are followed here too: files that they show are written, `handoff dev`
// is started where they say so, what stands in `sh` blocks is typed, and what they show of the answer must be in it.
let folder: string;
let dev: Running | undefined;

beforeAll(haveServer, 10 * 60_000);
afterEach(async () => {
  dev?.child.kill('SIGTERM');
  await dev?.ended;
  dev = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const SHELL = `npx() { shift; '${process.execPath}' '${path.join(ROOT, 'bin', 'handoff.js')}' "$@"; }\n`;

/** What the lines of a block print on both streams, as a person sees it. */
async function type(body: string): Promise<string> {
  const child = spawn('bash', ['-c', SHELL + body], { cwd: folder, env: environment() });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  return said;
}

/** A shown line as a pattern: `…` is anything, a number any number, blanks as many as you like. */
function patternOf(line: string): RegExp {
  const literal = line.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(
    literal
      .replaceAll('…', '.*')
      .replaceAll(/\d+(\\\.\d+)?/g, '[\\d.]+')
      .replaceAll(/\s+/g, '\\s+'),
  );
}

const lacking = (shown: string, said: string): string[] => {
  const lines = said.split('\n');
  return shown.split('\n').filter((line) => line.trim() && lines.every((l) => !patternOf(line).test(l)));
};

const LOOKS = new Set([
  'show',
  'status',
  'list',
  'effects',
  'incidents',
  'cat',
  'result',
  'validations',
  'manifest',
  'trace',
  'verify',
]);
/** Whether a block only looks, so that it can be typed again until what it shows is there. */
const onlyLooks = (body: string): boolean =>
  body
    .trim()
    .split('\n')
    .every((line) => LOOKS.has(words(line).find((w) => w !== 'npx' && w !== 'handoff') ?? ''));

async function startDev(line: string): Promise<string> {
  dev?.child.kill('SIGTERM');
  await dev?.ended;
  dev = launch([...words(line).slice(2), '--port', '0', '--ui-port', '0'], { cwd: folder });
  await dev.says('is ready');
  return dev.stdout();
}

async function follow(page: string, { language, body, line }: Block, next: Block | undefined): Promise<void> {
  const file = /^(?:#|\/\/) (\w[\w.-]*\.(?:ya?ml|m?js|json))\n/.exec(body)?.[1];
  if (file) return writeFileSync(path.join(folder, file), body);
  const starts = language === 'console' && body.split('\n').find((l) => l.startsWith('npx handoff dev'));
  if (language !== 'sh' && !starts) return;
  const shown = next?.language === 'text' ? next.body : '';
  let said = starts ? await startDev(starts) : await type(body);
  for (let tries = 0; tries < 40 && onlyLooks(body) && lacking(shown, said).length > 0; tries++) {
    await sleep(250);
    said = await type(body);
  }
  const missing = lacking(shown, said);
  const unexpected = /^error /m.test(shown) ? undefined : /^error .*/m.exec(said)?.[0];
  if (missing.length === 0 && !unexpected) return;
  throw new Error(`${page}:${line}: ${unexpected ?? `it does not say ${missing.join(' | ')}`}. It says:\n${said}`);
}

test.each([
  'docs/quick-start.md',
  'docs/write-a-procedure.md',
  'docs/contracts.md',
  'docs/add-a-rule-or-action.md',
  'docs/trigger.md',
  'docs/manifest.md',
  'docs/context.md',
  'docs/pipeline.md',
])(
  '%s can be followed to its end',
  async (page) => {
    folder = mkdtempSync(path.join(tmpdir(), 'handoff-docs-'));
    const blocks = blocksOf(page);
    for (const [i, block] of blocks.entries()) await follow(page, block, blocks[i + 1]);
    expect(blocks.filter((b) => b.language === 'sh').length).toBeGreaterThan(3);
  },
  180_000,
);
