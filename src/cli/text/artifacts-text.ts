import type { ManifestArtifact } from '../../core/manifest-document.js';
import type { ArtifactRecord } from '../../core/manifest.js';
import { partyText } from '../../core/request.js';
import type { Difference, Verification } from '../../core/verification.js';
import { ago, bytes, safe, table, type Paint } from './text.js';
import { fit } from './width.js';

/** As much of a digest as tells two apart. */
export const short = (sha256: string): string => sha256.slice(0, 12);

const isSha = /\b[0-9a-f]{64}\b/g;
const shortened = (text: string): string => text.replace(isSha, short);

/** The manifest, a line for each artifact. */
export function manifestTable(paint: Paint, artifacts: readonly ManifestArtifact[]): string {
  const rows = artifacts.map((a) => [
    a.id,
    a.name,
    a.source_phase === undefined ? a.created_by : `phase ${a.source_phase}`,
    destinations(a),
    a.size_bytes === null ? '' : bytes(a.size_bytes),
    short(a.checksum),
    ago(Date.parse(a.created_at)),
  ]);
  return table(paint, ['ID', 'NAME', 'FROM', 'TO', 'SIZE', 'SHA-256', 'FIRST SEEN'], rows, 'No artifacts.');
}

function destinations(a: ManifestArtifact): string {
  const there = a.transferred_to.filter((t) => t.status === 'success');
  if (there.length === 0) return a.transferred_to.length > 0 ? 'nowhere: undone' : 'made into others';
  return [...new Set(there.map((t) => (t.phase === undefined ? (t.agent ?? 'anyone') : `phase ${t.phase}`)))].join(
    ', ',
  );
}

/** What one handoff has passed on. */
export function passedTable(
  paint: Paint,
  artifacts: readonly ArtifactRecord[],
  handoff: string,
  width: number,
): string {
  const rows = artifacts.flatMap((a) =>
    a.transfers
      .filter((t) => t.handoff === handoff)
      .map((t) => [
        t.name,
        short(t.sha256),
        t.status === 'undone'
          ? `undone${t.undoResult && t.undoResult !== 'undone' ? ` (${t.undoResult.replaceAll('_', ' ')})` : ''}`
          : t.takenOverBy
            ? `overwritten by ${t.takenOverBy}`
            : 'arrived',
        t.path.split('/').slice(-2).join('/'),
        a.id,
      ]),
  );
  return table(paint, ['NAME', 'SHA-256', '', 'WHERE', 'ID'], rows, 'None has arrived.', width);
}

const WORDS: Record<Difference['kind'], string> = {
  missing: 'missing: nothing is there',
  changed: 'changed',
  mode_changed: 'another mode',
  other_kind: 'something else is there',
  unreadable: 'cannot be read',
  entry_missing: 'missing inside',
  entry_extra: 'not passed, but inside',
  entry_changed: 'changed inside',
  entry_mode_changed: 'another mode inside',
  ledger: 'manifest and ledger disagree',
};

function differenceText(paint: Paint, d: Difference): string {
  const where = d.entry === undefined ? d.path : `${d.path}: ${d.entry}`;
  const how = [
    ...(d.expected === undefined ? [] : [`expected ${shortened(d.expected)}`]),
    ...(d.found === undefined ? [] : [`found ${shortened(d.found)}`]),
  ].join(', ');
  const of = `${d.artifact ? `${d.artifact} ` : ''}${d.name}, passed by ${d.handoff}`;
  return `${paint.red('✗')} ${safe(`${where}\n    ${WORDS[d.kind]}${how ? `: ${how}` : ''} (${of})`)}`;
}

export function verificationText(paint: Paint, v: Verification): string {
  const places = v.checked === 1 ? '1 place was read' : `${v.checked} places were read`;
  const not = [
    ...(v.undone > 0 ? [`${v.undone} undone`] : []),
    ...(v.takenOver > 0 ? [`${v.takenOver} overwritten by later transfers`] : []),
  ];
  const verdict = v.ok
    ? `${paint.green('✓')} All is as it was passed`
    : `${v.differences.length} difference${v.differences.length === 1 ? '' : 's'}`;
  const rest = not.length > 0 ? `; not read: ${not.join(', ')}` : '';
  return [
    ...v.differences.map((d) => differenceText(paint, d)),
    `${verdict}. ${places}, ${bytes(v.bytes)}${rest}.`,
  ].join('\n');
}

/** A line about the work, for one that is redrawn in place. */
export const progressText = (p: { done: number; of: number; bytes: number; path: string }, width: number): string =>
  fit(safe(`${p.done} of ${p.of}, ${bytes(p.bytes)}: ${p.path}`), width);

export const routeText = (t: { source: ArtifactRecord['source']; target: ArtifactRecord['source'] }): string =>
  `${partyText(t.source)} → ${partyText(t.target)}`;
