import { ANCHOR_EVERY, AUDIT_GENESIS, type AuditFault } from '../../core/audit/entry.js';
import { HandoffError } from '../../core/errors.js';
import type { AuditPlaces } from './anchor.js';
import type { AnchorLine, AnchorsFile } from './anchors.js';
import { isSignedBy, readKey, type AuditKey } from './key.js';

/** What the anchors file proves. */
export interface Known {
  /** The hash of each row that has a good anchor. */
  hashes: Map<number, string>;
  /** The hash of each line, by its row. */
  lines: Map<number, string>;
  /** The last row that has a good anchor. */
  last: number;
  /** The last row before another that has one. */
  before: (seq: number) => number;
}

type Tell = (fault: AuditFault) => void;

/** Checks each line by itself and against the one before. A line that is not as it was signed proves nothing. */
export async function checkAnchors(places: AuditPlaces, { lines }: AnchorsFile, tell: Tell): Promise<Known> {
  const hashes = new Map<number, string>();
  const known = new Map<number, string>();
  const key = lines.length > 0 ? await keyFor(places, tell) : undefined;
  let before = { seq: 0, hash: AUDIT_GENESIS };
  let last = 0;
  let foreign: number | undefined;
  for (const [n, line] of lines.entries()) {
    const { anchor } = line;
    if (anchor) known.set(anchor.seq, line.hash);
    const why = key && anchor?.key !== key.id && anchor ? 'key' : faultOf(line, before, key);
    if (why === 'key') foreign ??= anchor!.seq;
    else if (why !== undefined) {
      const seq = anchor?.seq ?? before.seq + ANCHOR_EVERY;
      tell({
        kind: why.kind,
        seq,
        expected: why.expected,
        found: why.found,
        message: `line ${n + 1} of the anchors: ${why.message}`,
      });
    } else if (key) {
      hashes.set(anchor!.seq, anchor!.hash);
      last = anchor!.seq;
    }
    before = { seq: anchor?.seq ?? before.seq + ANCHOR_EVERY, hash: line.hash };
  }
  if (foreign !== undefined) {
    const found = lines.find((l) => l.anchor?.seq === foreign)?.anchor?.key ?? '';
    const message = `the anchor of row ${foreign} was signed with another key than the one at ${places.key}`;
    tell({ kind: 'key_wrong', seq: foreign, expected: key!.id, found, message });
  }
  const anchored = [...hashes.keys()];
  return { hashes, lines: known, last, before: (seq) => anchored.findLast((s) => s < seq) ?? 0 };
}

async function keyFor({ key: where }: AuditPlaces, tell: Tell): Promise<AuditKey | undefined> {
  try {
    const key = await readKey(where);
    if (!key) tell({ kind: 'key_missing', message: `there is no key at ${where}, so no anchor can be checked` });
    return key;
  } catch (error) {
    if (!(error instanceof HandoffError)) throw error;
    tell({ kind: 'key_wrong', message: error.message });
    return undefined;
  }
}

function faultOf(
  { anchor }: AnchorLine,
  before: { seq: number; hash: string },
  key: AuditKey | undefined,
): { kind: 'anchor_changed' | 'anchors_cut'; expected: string; found: string; message: string } | undefined {
  const expected = before.seq + ANCHOR_EVERY;
  if (!anchor) {
    return {
      kind: 'anchor_changed',
      expected: `the anchor of row ${expected}`,
      found: 'what is none',
      message: 'it is no anchor',
    };
  }
  if (key && !isSignedBy(key, anchor)) {
    const message = 'it is not as it was signed';
    return { kind: 'anchor_changed', expected: 'a signature over it', found: anchor.signature, message };
  }
  if (anchor.seq !== expected || anchor.prev !== before.hash) {
    const message = `it is of row ${anchor.seq} and does not follow the line before, where that of row ${expected} should be`;
    return { kind: 'anchors_cut', expected: before.hash, found: anchor.prev, message };
  }
  return undefined;
}
