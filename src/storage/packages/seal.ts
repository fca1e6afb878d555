import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { sha256 } from '../../core/digest.js';
import { HandoffError } from '../../core/errors.js';
import { PACKAGE_ID, printable } from '../../core/ids.js';
import type { IntegrityCheck, PipelineHandoffPackage, SerializedContext } from '../../core/package.js';
import { entriesText, frameOf, writtenForm, type UnsealedPackage } from './written.js';

/** A secret that packages are signed with. */
export interface PackageKey {
  key: string | Uint8Array;
  /** Its name, kept with each signature, so that one can tell which key is meant. */
  keyId?: string;
}

/** A package's canonical text in UTF-8, less its integrity block. The entries of its context are a part of their own. */
export type Parts = readonly [head: Uint8Array, entries: Uint8Array, middle: Uint8Array, tail: Uint8Array];

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
  const entries = Buffer.from(entriesText(handoff.context.entries));
  const context: SerializedContext = { ...handoff.context, size: entries.byteLength, checksum: sha256(entries) };
  const whole = { ...handoff, context };
  const [head, middle, tail] = frameOf(writtenForm(whole)).map((text) => Buffer.from(text));
  return { ...whole, integrity: integrityOf([head!, entries, middle!, tail!], key) };
}

/**
 * Why a package is not whole, or undefined. Looks at its checksums, and with a key at its signature; storages that have
 * read a file have done that already. Throws INVALID_PACKAGE where it is no package at all.
 */
export function packageFault(handoff: PipelineHandoffPackage, key?: PackageKey): string | undefined {
  const entries = Buffer.from(entriesText(handoff.context.entries));
  const [head, middle, tail] = frameOf(writtenForm(handoff)).map((text) => Buffer.from(text));
  return faultOfParts([head!, entries, middle!, tail!], handoff, key);
}

/** The integrity block of a package with these parts. */
export function integrityOf(parts: Parts, key?: PackageKey): IntegrityCheck {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const checksum = hash.digest('hex');
  if (!key) return { algorithm: 'sha256', checksum };
  const { keyId } = key;
  const value = hmacOf(parts, key).toString('hex');
  return {
    algorithm: 'sha256',
    checksum,
    signature: { algorithm: 'hmac-sha256', ...(keyId === undefined ? {} : { keyId }), value },
  };
}

export function faultOfParts(parts: Parts, handoff: PipelineHandoffPackage, key?: PackageKey): string | undefined {
  const { context, integrity } = handoff;
  const [, entries] = parts;
  if (integrityOf(parts).checksum !== integrity.checksum) return 'its checksum does not match';
  if (context.size !== entries.byteLength) return `its context is ${entries.byteLength} bytes, not ${context.size}`;
  if (context.checksum !== sha256(entries)) return 'the checksum of its context does not match';
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

function hmacOf(parts: Parts, { key }: PackageKey): Buffer {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}
