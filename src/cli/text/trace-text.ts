import type { Trace } from '../../client/manifest.js';
import type { ArtifactRecord, TransferRecord } from '../../core/manifest.js';
import { routeText, short } from './artifacts-text.js';
import { bytes, safe, when, type Paint } from './text.js';

/** A part of the picture: what it says, and what hangs on it. */
interface Branch {
  lines: string[];
  children: Branch[];
}

const STATES = {
  there: 'it is there (not read: --verify reads it)',
  verified: 'it is there, as it was passed',
  changed: 'CHANGED since',
  missing: 'GONE',
  unreadable: 'it cannot be read',
} as const;

/** Where an artifact came from and went: a tree that begins with what the first of its transformers had. */
export function traceText(paint: Paint, trace: Trace): string {
  const { artifact, madeFrom, madeInto } = trace;
  const family = [...madeFrom, artifact, ...madeInto];
  const root = madeFrom.at(-1) ?? artifact;
  const came = trace.changedFrom.map((a) => `${a.id} ${a.name} had been put there, and was changed`);
  const origin: Branch = {
    lines: [
      safe(trace.origin.path),
      paint.dim(safe(`${root.createdBy}, first seen ${when(root.createdAt)}; ${STATES[trace.origin.state]}`)),
      ...came.map((line) => paint.dim(safe(line))),
    ],
    children: [artifactBranch(paint, root, family, trace)],
  };
  return drawn(origin).join('\n');
}

function artifactBranch(paint: Paint, a: ArtifactRecord, family: readonly ArtifactRecord[], trace: Trace): Branch {
  const mine = a.id === trace.artifact.id;
  const size = a.size === undefined ? '' : `  ${bytes(a.size)}`;
  const title = `${a.id}  ${a.name}${size}  sha256 ${short(a.sha256)}`;
  const made = a.transformer ? [paint.dim(safe(`made by ${a.transformer} in ${a.handoff}`))] : [];
  const schema = a.schema ? [paint.dim(safe(`schema ${a.schema}: ${schemaWord(a.schemaValid)}`))] : [];
  const children = [
    ...hops(a.transfers).map((hop) => hopBranch(paint, hop, trace)),
    ...family.filter((b) => b.derivedFrom === a.id).map((b) => artifactBranch(paint, b, family, trace)),
    ...(mine ? trace.changedInto : []).map((b): Branch => ({
      lines: [paint.dim(safe(`changed where it lay, and handed on as ${b.id} ${b.name}  sha256 ${short(b.sha256)}`))],
      children: [],
    })),
  ];
  return { lines: [mine ? paint.bold(safe(title)) : safe(title), ...made, ...schema], children };
}

const schemaWord = (valid: boolean | undefined): string =>
  valid === undefined ? 'not checked' : valid ? 'valid' : 'not valid';

interface Hop {
  transfer: TransferRecord;
  next: Hop[];
}

/** Transfers by where each took it from: what went on from where an earlier one had put it hangs on that. */
function hops(transfers: readonly TransferRecord[]): Hop[] {
  const first: Hop[] = [];
  const all: Hop[] = [];
  for (const transfer of transfers) {
    const hop: Hop = { transfer, next: [] };
    const from = all.findLast((h) => h.transfer.path === transfer.originalPath);
    (from?.next ?? first).push(hop);
    all.push(hop);
  }
  return first;
}

function hopBranch(paint: Paint, { transfer: t, next }: Hop, trace: Trace): Branch {
  const now = trace.now.find((p) => p.path === t.path && p.handoff === t.handoff);
  const undone = t.status === 'undone';
  const result = t.undoResult && t.undoResult !== 'undone' ? ` (${t.undoResult.replaceAll('_', ' ')})` : '';
  const state = undone
    ? `undone ${t.undoneAt === undefined ? '' : when(t.undoneAt)}${result}`
    : t.takenOverBy !== undefined
      ? `overwritten by ${t.takenOverBy === t.artifact ? 'a later transfer of it' : t.takenOverBy}`
      : now
        ? STATES[now.state]
        : '';
  const digest = `sha256 ${short(t.sha256)}${t.valid ? '' : ', which is not what it had'}`;
  const lost = now && (now.state === 'changed' || now.state === 'missing');
  const mark = undone ? paint.dim('↶') : lost ? paint.red('✗') : paint.green('✓');
  return {
    lines: [
      `${mark} ${when(t.at)}  ${safe(routeText(t))}  ${safe(t.handoff)}`,
      `  ${safe(t.path)}`,
      `  ${paint.dim(safe([digest, state].filter(Boolean).join('; ')))}`,
    ],
    children: next.map((hop) => hopBranch(paint, hop, trace)),
  };
}

/** A branch with its children below it, on lines. */
function drawn({ lines, children }: Branch): string[] {
  const [title = '', ...more] = lines;
  const stem = children.length > 0 ? '│ ' : '  ';
  const below = children.flatMap((child, i) => {
    const last = i === children.length - 1;
    return drawn(child).map((line, n) => `${n === 0 ? (last ? '└─' : '├─') : last ? '  ' : '│ '} ${line}`);
  });
  return [title, ...more.map((line) => `${stem} ${line}`), ...below];
}
