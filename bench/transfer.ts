import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createParts, runAction } from '../src/activities/index.js';
import type { Deps } from '../src/activities/action.js';
import type { StepTask } from '../src/core/task.js';
import { openStorage } from '../src/storage/storage.js';
import { median, round, spreadOf, type Spread } from './stats.js';

interface Shape {
  name: string;
  /** For machines. */
  key: string;
  bytes: number;
  make: (at: string) => void;
}

const MB = 1 << 20;
const OPENSSL = 'openssl';

const shapesOf = (quick: boolean): Shape[] => {
  const [large, files] = quick ? [128 * MB, 1000] : [1024 * MB, 5000];
  return [
    { name: `one file of ${large / MB} MB`, key: 'largeFile', bytes: large, make: (at) => makeLarge(at, large) },
    { name: `${files} files of 10 KB`, key: 'manyFiles', bytes: files * 10_240, make: (at) => makeMany(at, files) },
  ];
};

type Lane = (round: number) => Promise<void> | void;
interface Measured {
  shape: Shape;
  /** Seconds of each round, by lane. */
  seconds: Map<string, number[]>;
}

/**
 * `npm run bench -- transfer`: our transfer (staged, hashed, recorded, renamed) beside `cp -a` followed by a checksum of the
 * copy, on the same disk, the lanes in turn.
 */
export async function transferBench(args: readonly string[], say: (text: string) => void): Promise<string> {
  const quick = args.includes('--quick');
  const folder = mkdtempSync(path.join(tmpdir(), 'handoff-bench-'));
  try {
    const results: Measured[] = [];
    for (const shape of shapesOf(quick)) results.push(await measureShape(shape, folder, quick ? 3 : 7, say));
    say(results.map(text).join('\n'));
    return JSON.stringify(Object.fromEntries(results.map((r) => [r.shape.key, figures(r)])));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureShape(shape: Shape, folder: string, rounds: number, say: (t: string) => void): Promise<Measured> {
  const input = path.join(folder, shape.key);
  shape.make(input);
  const storage = await openStorage({ folder: path.join(folder, 'data'), sources: [folder] });
  const deps = createParts({ storage });
  const lanes: [string, Lane][] = [
    ['handoff', (n) => transfer(deps, shape, `${shape.key}-${n}`)],
    ['cp -a, sha256sum', () => copyAndSum(input, path.join(folder, 'copy'), 'sha256sum')],
  ];
  if (spawnSync(OPENSSL, ['version']).status === 0)
    lanes.push(['cp -a, openssl', () => copyAndSum(input, path.join(folder, 'copy'), `${OPENSSL} dgst -sha256`)]);
  const seconds = new Map(lanes.map(([name]) => [name, [] as number[]]));
  try {
    // The first round warms up, and does not count.
    for (let n = 0; n <= rounds; n++) {
      for (const [name, lane] of [...lanes.slice(n % lanes.length), ...lanes.slice(0, n % lanes.length)]) {
        // What the lane before left to be written would be paid for by this one.
        execFileSync('sync');
        const began = performance.now();
        await lane(n);
        if (n > 0) seconds.get(name)!.push((performance.now() - began) / 1000);
        for (const left of ['copy', 'data/artifacts', 'data/.undo'])
          rmSync(path.join(folder, left), { recursive: true, force: true });
      }
    }
    say(`${shape.name}: ${rounds} rounds`);
    return { shape, seconds };
  } finally {
    await storage.close();
    rmSync(input, { recursive: true, force: true });
  }
}

async function transfer(deps: Deps, shape: Shape, id: string): Promise<void> {
  const content = { artifacts: [{ name: 'it', path: shape.key }], context: {}, metadata: {} };
  const task: StepTask = {
    subject: {
      handoffId: id,
      session: id,
      type: 'PHASE_TRANSITION',
      priority: 'normal',
      source: { phase: '1' },
      target: { phase: id },
      procedure: { id: 'BENCH', version: '1', digest: '' },
      requestDigest: '',
      package: await deps.storage.blobs.put(JSON.stringify(content), 'application/json'),
    },
    step: 'bring',
    action: 'transfer',
    epoch: 1,
    rules: [],
    with: { what: ['artifacts'] },
    stopAt: 'high',
    severities: {},
    irreversible: false,
  };
  await runAction(deps, deps.actions.get('transfer')!, task, new AbortController().signal);
}

function copyAndSum(from: string, to: string, sum: string): void {
  execFileSync('cp', ['-a', from, to]);
  execFileSync('sh', ['-c', `find "$1" -type f -print0 | sort -z | xargs -0 ${sum} > /dev/null`, 'sh', to]);
}

function makeLarge(at: string, bytes: number): void {
  const fd = openSync(at, 'w');
  for (let done = 0; done < bytes; done += MB) writeSync(fd, randomBytes(MB));
  closeSync(fd);
}

function makeMany(at: string, files: number): void {
  for (let i = 0; i < files; i++) {
    const folder = path.join(at, String(i % 50));
    if (i < 50) mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `${i}.bin`), randomBytes(10_240));
  }
}

/** How many times as fast as another lane, round by round. */
const ratio = ({ seconds }: Measured, other: string): Spread =>
  spreadOf(seconds.get(other)!.map((s, i) => s / seconds.get('handoff')![i]!));

const shown = (s: Spread): string => `${round(s.median)} × (${round(s.min)}–${round(s.max)})`;

function text(result: Measured): string {
  const { shape, seconds } = result;
  const lines = [...seconds].map(([name, all]) => {
    const middle = median(all);
    const speed = `${round(middle, 3)} s, ${round(shape.bytes / MB / middle, 0)} MB/s`;
    return `  ${name.padEnd(18)} ${speed.padEnd(24)}${name === 'handoff' ? '' : `  handoff is ${shown(ratio(result, name))} as fast`}`;
  });
  return `\n${shape.name}\n${lines.join('\n')}`;
}

function figures(result: Measured): Record<string, unknown> {
  const { median, min, max } = ratio(result, 'cp -a, sha256sum');
  const openssl = result.seconds.has('cp -a, openssl') ? ratio(result, 'cp -a, openssl') : undefined;
  return {
    vsCopyAndSum: round(median),
    spread: [round(min), round(max)],
    ...(openssl
      ? { vsCopyAndOpenssl: round(openssl.median), opensslSpread: [round(openssl.min), round(openssl.max)] }
      : {}),
    rounds: result.seconds.get('handoff')!.length,
  };
}
