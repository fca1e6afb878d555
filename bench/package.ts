import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Table from 'cli-table3';
import { isCanonicalJson } from '../src/core/json/canonical-scan.js';
import { canonicalText } from '../src/core/json/canonical.js';
import { checkPackage } from '../src/core/package/package-schema.js';
import type { ContextEntrySerialized, PipelineHandoffPackage } from '../src/core/package/package.js';
import { parseContext } from '../src/packages/serialize.js';
import { FileHandoffStorage } from '../src/storage/packages/file-storage.js';
import { packageBytes } from '../src/storage/packages/format.js';
import { packageFault, sealPackage } from '../src/storage/packages/seal.js';
import type { UnsealedPackage } from '../src/storage/packages/written.js';
import { restoring, type Restoring } from './restore.js';
import { median, round, spreadOf, type Spread } from './stats.js';

interface Shape {
  name: string;
  key: string;
  entries: number;
  /** Of each entry's value, about. */
  bytes: number;
  /** How often a lane does it in one round, so that a round takes some milliseconds. */
  times: number;
}

const SHAPES: Shape[] = [
  { name: '1 KB (4 entries)', key: '1KB', entries: 4, bytes: 256, times: 200 },
  { name: '1 MB (256 entries)', key: '1MB', entries: 256, bytes: 4096, times: 5 },
  { name: '50 MB (5000 entries)', key: '50MB', entries: 5000, bytes: 10_240, times: 1 },
];
const FLOOR = 'JSON.stringify + SHA-256';
const OURS = ['create', 'verify', 'store', 'load', 'restore'] as const;

type Lane = () => unknown;
interface Measured {
  shape: Shape;
  bytes: number;
  /** Milliseconds of one call in each round, by lane. */
  ms: Map<string, number[]>;
  profile: Map<string, number[]>;
}

/**
 * `npm run bench -- package`: making, storing, loading, verifying and restoring packages beside the floor: JSON.stringify
 * and SHA-256 of the same package. The lanes take turns. `store`, `load` and `restore` go through files, with fsync.
 */
export async function packageBench(args: readonly string[], say: (text: string) => void): Promise<string> {
  const rounds = args.includes('--quick') ? 5 : 15;
  const folder = mkdtempSync(path.join(tmpdir(), 'handoff-bench-'));
  try {
    const results: Measured[] = [];
    for (const shape of SHAPES) {
      results.push(await measureShape(shape, path.join(folder, shape.key), rounds));
      say(`${shape.name}: ${rounds} rounds`);
    }
    say(results.map(text).join('\n'));
    return JSON.stringify(Object.fromEntries(results.map((r) => [r.shape.key, figures(r)])));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureShape(shape: Shape, folder: string, rounds: number): Promise<Measured> {
  const unsealed = packageOf(shape);
  const one = sealPackage(unsealed);
  const bytes = packageBytes(one);
  const storage = new FileHandoffStorage(folder);
  await storage.save(one);
  const into = await restoring(folder, storage, one);
  const lanes: [string, Lane][] = [
    [FLOOR, () => createHash('sha256').update(JSON.stringify(one)).digest('hex')],
    ['create', () => sealPackage(unsealed)],
    ['verify', () => packageFault(one)],
    ['store', () => storage.save(one)],
    ['load', () => storage.load(one.id)],
    ['restore', into.restore],
  ];
  const parts = partsOf(unsealed, bytes, path.join(folder, `${one.id}.json`), into);
  const ms = new Map(lanes.map(([name]) => [name, [] as number[]]));
  const profile = new Map(parts.map(([name]) => [name, [] as number[]]));
  // The first round warms up, and does not count.
  for (let n = 0; n <= rounds; n++) {
    for (const [name, lane] of rotated([...lanes, ...parts], n)) {
      const took = await timed(lane, shape.times);
      if (n > 0) (ms.get(name) ?? profile.get(name))!.push(took);
      if (lane === into.restore || lane === into.bare) await into.clear();
    }
  }
  await into.close();
  await storage.delete(one.id);
  return { shape, bytes: bytes.length, ms, profile };
}

/** What the lanes are made of, one by one. */
function partsOf(unsealed: UnsealedPackage, bytes: Buffer, file: string, into: Restoring): [string, Lane][] {
  const text = bytes.toString();
  const written = JSON.parse(text) as PipelineHandoffPackage;
  const { entries } = written.context;
  const canonical = canonicalText(entries, { strict: true });
  return [
    ['canonical text', () => canonicalText(unsealed.context.entries, { strict: true })],
    ['text to UTF-8', () => Buffer.from(canonical)],
    ['SHA-256, once', () => createHash('sha256').update(bytes).digest('hex')],
    ['schema (zod)', () => checkPackage(written)],
    ['write, fsync, rename', () => writeAndSync(`${file}.bench`, bytes)],
    ['read the file', () => readFile(file)],
    ['UTF-8 to text', () => isUtf8(bytes) && bytes.toString()],
    ['proof of canonical form', () => isCanonicalJson(bytes, { maxDepth: 100, maxValues: Infinity })],
    ['JSON.parse', () => JSON.parse(text) as unknown],
    ['values looked at', () => parseContext(written.context)],
    ['values into bare SQLite', into.bare],
  ];
}

async function writeAndSync(file: string, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'w');
  await handle.writeFile(bytes);
  await handle.sync();
  await handle.close();
  await rename(file, `${file}.moved`);
}

async function timed(lane: Lane, times: number): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < times; i++) await lane();
  return (performance.now() - began) / times;
}

const rotated = <T>(list: readonly T[], by: number): T[] => [
  ...list.slice(by % list.length),
  ...list.slice(0, by % list.length),
];

function packageOf({ entries, bytes }: Shape): UnsealedPackage {
  const at = '2026-11-20T12:30:00.250Z';
  // In canonical order, as createHandoff finds values in a context.
  const row = (i: number) => ({ file: `src/module-${i}.ts`, id: i, text: 'What was found, in "words" – naïve ones.' });
  const entry = (n: number): ContextEntrySerialized => {
    const rows = Array.from({ length: Math.max(1, Math.round(bytes / 100)) }, (_, i) => row(n * 1000 + i));
    const metadata = { source: '@architect', tags: ['design', 'api'], createdAt: at, updatedAt: at, version: 1 };
    return { key: `findings/${n}`, value: JSON.stringify(rows), metadata };
  };
  return {
    id: 'hof-bench',
    sessionId: 'bench',
    cloneId: 'clone-1',
    createdAt: new Date(at),
    sourcePhase: 'analysis',
    targetPhase: 'synthesis',
    context: { entries: Array.from({ length: entries }, (_, n) => entry(n)) },
    checkpoint: { phase: 'analysis', step: 1, totalSteps: 3, status: 'paused', resumePoint: 'analysis:1' },
    metadata: { version: '1.0.0', pipelineVersion: '1.0.0', createdBy: 'system', reason: 'manual' },
  };
}

/** How fast a lane is as a part of the floor, round by round. */
const ratio = ({ ms }: Measured, lane: string): Spread =>
  spreadOf(ms.get(FLOOR)!.map((floor, i) => floor / ms.get(lane)![i]!));

function text(result: Measured): string {
  const { shape, bytes, ms, profile } = result;
  const row = (name: string, all: number[]): string[] => {
    const middle = median(all);
    return [name, `${round(middle, 3)}`, `${round(bytes / 1e6 / (middle / 1000), 0)}`];
  };
  const table = new Table({
    head: ['', 'ms', 'MB/s', '× the floor'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const [name, all] of ms) {
    const r = ratio(result, name);
    table.push([...row(name, all), name === FLOOR ? '' : `${round(r.median)} (${round(r.min)}–${round(r.max)})`]);
  }
  const parts = [...profile].map(([name, all]) => `${name} ${round(median(all), 3)}`).join(' · ');
  return `\n${shape.name}: a package of ${bytes} bytes\n${table.toString()}\nWhere it goes, in ms: ${parts}`;
}

function figures(result: Measured): Record<string, unknown> {
  const ratios = OURS.map((lane) => [lane, round(ratio(result, lane).median)]);
  const speeds = OURS.map((lane) => [lane, round(result.bytes / 1e3 / median(result.ms.get(lane)!), 0)]);
  return { bytes: result.bytes, vsFloor: Object.fromEntries(ratios), mbPerSecond: Object.fromEntries(speeds) };
}
