import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../../core/errors.js';
import { canonicalJson } from '../../core/digest.js';

/** The key that the head of the audit log is signed with. Who only verifies needs no more than its public half. */
export interface AuditKey {
  /** SHA-256 of the public key (SPKI), hex. */
  id: string;
  publicKey: KeyObject;
  privateKey?: KeyObject;
}

/** The key in a PEM file; undefined where there is none. Throws AUDIT_KEY_INVALID. */
export async function readKey(file: string): Promise<AuditKey | undefined> {
  const refused = (why: string): HandoffError => new HandoffError('AUDIT_KEY_INVALID', { where: file, why });
  const pem = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw refused(`it cannot be read (${error.code ?? 'unknown'})`);
  });
  if (pem === undefined) return undefined;
  try {
    const privateKey = pem.includes('PRIVATE KEY') ? createPrivateKey(pem) : undefined;
    const publicKey = createPublicKey(pem);
    if (publicKey.asymmetricKeyType !== 'ed25519') throw new Error('it is no Ed25519 key');
    const id = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex');
    return { id, publicKey, ...(privateKey ? { privateKey } : {}) };
  } catch (error) {
    // What the library says of a broken PEM names no part of it.
    throw refused((error as Error).message);
  }
}

/** The key in the file, which is made where there is none, for its owner only. Of two that make it at once, one does. */
export async function readOrMakeKey(file: string): Promise<AuditKey> {
  const there = await readKey(file);
  if (there) return there;
  const { privateKey } = generateKeyPairSync('ed25519');
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.${Date.now()}`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await handle.sync();
    // A link is made whole or not at all, and never replaces one.
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await handle.close();
    await rm(draft, { force: true });
  }
  return (await readKey(file))!;
}

const bytesOf = (document: object): Buffer => Buffer.from(canonicalJson(document));

/** The document with the signature over its canonical JSON. Throws AUDIT_KEY_INVALID of a public key. */
export function signed<T extends object>(document: T, key: AuditKey, where: string): T & { signature: string } {
  const why = 'it has no private half, so nothing can be signed with it';
  if (!key.privateKey) throw new HandoffError('AUDIT_KEY_INVALID', { where, why });
  return { ...document, signature: sign(null, bytesOf(document), key.privateKey).toString('base64') };
}

export function isSignedBy({ publicKey }: AuditKey, { signature, ...document }: { signature: string }): boolean {
  try {
    return verify(null, bytesOf(document), publicKey, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

export const publicPem = ({ publicKey }: AuditKey): string =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString();
