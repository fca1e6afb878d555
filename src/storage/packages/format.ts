import { isUtf8 } from 'node:buffer';
import { HandoffError } from '../../core/errors.js';
import { isCanonicalJson } from '../../core/json/canonical-scan.js';
import { checkPackage } from '../../core/package/package-schema.js';
import { checkPackageVersion } from '../../core/package/version.js';
import type { IntegrityCheck, PipelineHandoffPackage } from '../../core/package/package.js';
import { faultOfParts, integrityOf, partsOf, type PackageKey, type Parts } from './seal.js';
import {
  MAX_DEPTH,
  MAX_VALUES,
  entriesOf,
  frameOf,
  fromWrittenForm,
  integrityBlock,
  writtenForm,
  type Frame,
  type WrittenPackage,
} from './written.js';

/**
 * A package as it is stored and sent: canonical JSON in UTF-8. With a key it is signed. Throws INVALID_PACKAGE,
 * PACKAGE_VERSION.
 */
export function packageBytes(handoff: PipelineHandoffPackage, key?: PackageKey): Buffer {
  const written = checked(handoff);
  const parts = partsOf(frameOf(written), entriesOf(handoff.context.entries));
  const fault = faultOfParts(parts, handoff);
  if (fault) throw new HandoffError('INVALID_PACKAGE', { issues: fault });
  return Buffer.concat(fileOf(parts, key ? integrityOf(parts, key) : handoff.integrity));
}

/** The bytes of a file, in order. */
const fileOf = ({ head, entries, middle, tail }: Parts, integrity: IntegrityCheck): Uint8Array[] => [
  head,
  ...entries,
  middle,
  integrityBlock(integrity),
  tail,
];

/** The written form of what somebody gave us for a package. */
function checked(handoff: PipelineHandoffPackage): WrittenPackage {
  if (!isObject(handoff)) throw new HandoffError('INVALID_PACKAGE', { issues: 'a package is an object' });
  checkPackageVersion((handoff.metadata as { version?: unknown } | undefined)?.version);
  const { verifiedAt: _, valid: __, ...integrity } = handoff.integrity ?? {};
  const written = { ...writtenForm(handoff), integrity };
  checkPackage(written);
  return written;
}

/**
 * The package that a file's bytes hold, if they are what {@link packageBytes} would make of it, byte for byte, and its
 * checksums match. Throws PACKAGE_VERSION; and INVALID_PACKAGE, whose text says why the file is no good.
 */
export function decodePackage(bytes: Buffer, key?: PackageKey): PipelineHandoffPackage {
  if (bytes.length === 0) throw refusal('it is empty');
  if (!isUtf8(bytes)) throw refusal('it is not UTF-8');
  // What is canonical need not be written again, which takes longer than all the rest.
  const canonical = isCanonicalJson(bytes, { maxDepth: MAX_DEPTH, maxValues: MAX_VALUES });
  if (!canonical) checkShape(bytes);
  const written = parsed(bytes.toString());
  checkPackageVersion((written['metadata'] as { version?: unknown } | undefined)?.version);
  checkPackage(written);
  const handoff = fromWrittenForm(written);
  const frame = frameOf(writtenForm(handoff));
  const entries = canonical ? between(bytes, frame, handoff.integrity) : entriesOf(handoff.context.entries);
  const parts = partsOf(frame, entries);
  if (!isSame(bytes, fileOf(parts, handoff.integrity)))
    throw refusal('it is JSON, but not byte for byte what was written');
  const fault = faultOfParts(parts, handoff, key);
  if (fault) throw refusal(fault);
  return handoff;
}

function isSame(bytes: Buffer, pieces: readonly Uint8Array[]): boolean {
  let at = 0;
  for (const piece of pieces) {
    if (!bytes.subarray(at, (at += piece.byteLength)).equals(piece)) return false;
  }
  return at === bytes.length;
}

/** The bytes of the entries in those of the whole package, which are canonical. */
function between(bytes: Buffer, [head, middle, tail]: Frame, integrity: IntegrityCheck): Uint8Array[] {
  const after = middle.length + integrityBlock(integrity).length + tail.length;
  return [bytes.subarray(head.length, bytes.length - after)];
}

/** Throws where a text would take more memory than a package may, when it is parsed. */
function checkShape(bytes: Buffer): void {
  const { depth, values } = shapeOf(bytes);
  if (depth > MAX_DEPTH) throw refusal(`it is more than ${MAX_DEPTH} levels deep`);
  if (values > 2 * MAX_VALUES) throw refusal(`it has more than ${MAX_VALUES} values`);
}

function parsed(text: string): WrittenPackage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own words differ between versions of Node, and quote what is in the file.
    throw refusal('it is not JSON');
  }
  if (isObject(value)) return value;
  throw refusal('it is JSON, but no package');
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

const refusal = (issues: string): HandoffError => new HandoffError('INVALID_PACKAGE', { issues });

const [QUOTE, BACKSLASH, COMMA, LIST, LIST_END, OBJECT, OBJECT_END] = Buffer.from('"\\,[]{}');

/** How deep a JSON text is nested, and at least half of how many values it has, before the parser allots memory for them. */
function shapeOf(bytes: Buffer): { depth: number; values: number } {
  let [open, depth, values] = [0, 0, 0];
  const end = bytes.length;
  for (let i = 0; i < end; i++) {
    const c = bytes[i];
    if (c === QUOTE) {
      for (i++; i < end && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    } else if (c === COMMA) values++;
    else if (c === LIST || c === OBJECT) {
      values++;
      if (++open > depth) depth = open;
    } else if (c === LIST_END || c === OBJECT_END) open--;
  }
  return { depth, values };
}
