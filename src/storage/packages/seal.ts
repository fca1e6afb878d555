import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { HandoffError } from '../../core/errors.js';
import { PACKAGE_ID, printable } from '../../core/ids.js';
import type { IntegrityCheck, PipelineHandoffPackage, SerializedContext } from '../../core/package/package.js';
import { entriesOf, frameOf, writtenForm, type Frame, type UnsealedPackage } from './written.js';

/** A secret that packages are signed with. */
export interface PackageKey {
  key: string | Uint8Array;
  /** Its name, kept with each signature, so that one can tell which key is meant. */
  keyId?: string;
}

/** A package's canonical JSON less its integrity block. */
export interface Parts {
  head: Uint8Array;
  /** Of its context, in pieces. */
  entries: Uint8Array[];
  middle: Uint8Array;
  tail: Uint8Array;
}

/** A new package id; ids sort by age. */
export const newPackageId = (): string => `hof-${uuidv7()}`;

/** The id of a package, if it is one. Throws INVALID_ID. */
export function checkedPackageId(id: string): string {
  if (typeof id === 'string' && PACKAGE_ID.test(id)) return id;
  const why = '"hof-", then letters, digits, ".", "_" or "-", at most 128 in all';
  throw new HandoffError('INVALID_ID', { what: 'Package', id: printable(String(id)), why });
}

/** Completes a package: size and checksum of its context, and the integrity of the whole. Throws INVALID_PACKAGE. */
export function sealPackage(handoff: UnsealedPackage, key?: PackageKey): PipelineHandoffPackage {
  const entries = entriesOf(handoff.context.entries);
  const context: SerializedContext = { ...handoff.context, ...sizeAndChecksum(entries) };
  const whole = { ...handoff, context };
  return { ...whole, integrity: integrityOf(partsOf(frameOf(writtenForm(whole)), entries), key) };
}

/**
 * Why a package is not whole, or undefined. Looks at its checksums, and with a key at its signature; storages that have
 * read a file have done that already. Throws INVALID_PACKAGE where it is no package at all.
 */
export function packageFault(handoff: PipelineHandoffPackage, key?: PackageKey): string | undefined {
  return faultOfParts(partsOf(frameOf(writtenForm(handoff)), entriesOf(handoff.context.entries)), handoff, key);
}

export const partsOf = ([head, middle, tail]: Frame, entries: Uint8Array[]): Parts => ({ head, entries, middle, tail });

/** The integrity block of a package with these parts. */
export function integrityOf(parts: Parts, key?: PackageKey): IntegrityCheck {
  const checksum = digestOver(createHash('sha256'), inOrder(parts)).toString('hex');
  if (!key) return { algorithm: 'sha256', checksum };
  const { keyId } = key;
  const value = hmacOf(parts, key).toString('hex');
  return {
    algorithm: 'sha256',
    checksum,
    signature: { algorithm: 'hmac-sha256', ...(keyId === undefined ? {} : { keyId }), value },
  };
}

/** Why a package is not what its parts say. */
export function faultOfParts(parts: Parts, handoff: PipelineHandoffPackage, key?: PackageKey): string | undefined {
  const { context, integrity } = handoff;
  if (integrityOf(parts).checksum !== integrity.checksum) return 'its checksum does not match';
  const { size, checksum } = sizeAndChecksum(parts.entries);
  if (context.size !== size) return `its context is ${size} bytes, not ${context.size}`;
  if (context.checksum !== checksum) return 'the checksum of its context does not match';
  return key && faultOfSignature(parts, integrity, key);
}

function faultOfSignature(parts: Parts, { signature }: IntegrityCheck, key: PackageKey): string | undefined {
  if (!signature) return 'it is not signed, and only signed ones are taken here';
  if (key.keyId !== undefined && signature.keyId !== key.keyId)
    return `it is signed with the key ${signature.keyId ?? 'without a name'}, not with ${key.keyId}`;
  const given = Buffer.from(signature.value, 'hex');
  const right = hmacOf(parts, key);
  return given.length === right.length && timingSafeEqual(given, right) ? undefined : 'its signature does not match';
}

const sizeAndChecksum = (entries: readonly Uint8Array[]): Pick<SerializedContext, 'size' | 'checksum'> => ({
  size: entries.reduce((sum, piece) => sum + piece.byteLength, 0),
  checksum: digestOver(createHash('sha256'), entries).toString('hex'),
});

const inOrder = ({ head, entries, middle, tail }: Parts): Uint8Array[] => [head, ...entries, middle, tail];
const hmacOf = (parts: Parts, { key }: PackageKey): Buffer => digestOver(createHmac('sha256', key), inOrder(parts));

function digestOver(
  hash: { update(bytes: Uint8Array): unknown; digest(): Buffer },
  pieces: readonly Uint8Array[],
): Buffer {
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}
