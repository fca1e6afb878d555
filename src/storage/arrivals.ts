import path from 'node:path';
import type { Effect } from '../core/effect.js';
import { arrivalFolder, type Party } from '../core/request.js';
import { RETURN_STEP } from '../core/returns.js';
import type { Storage } from './storage.js';

/** An artifact that has arrived, as the ledger has it. Digests are hex SHA-256, of a directory its tree digest. */
export interface Arrived {
  name: string;
  /** Absolute. */
  path: string;
  sha256: string;
  /** Bytes. */
  size: number;
  /** Of what it was made from, where a transformer made it; else as `sha256`. */
  originalSha256: string;
  /** What it is written in, where somebody said so. */
  format?: string;
}

/** The folder in which a party's artifacts arrive. */
export const arrivalsFolder = ({ root }: Pick<Storage, 'root'>, party: Party): string =>
  path.join(root, 'artifacts', arrivalFolder(party));

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** What an effect has put in place; undefined where it is none that does, or is not applied. */
export function arrivedBy({ kind, effect, status, data, result }: Effect): Arrived | undefined {
  const place = textOf(data['destination']);
  if (kind !== 'file' || status !== 'applied' || place === undefined) return undefined;
  const sha256 = textOf(result?.['sha256']) ?? '';
  const format = textOf(data['format']);
  return {
    name: textOf(data['artifact']) ?? effect,
    path: place,
    sha256,
    size: Number(result?.['size'] ?? 0),
    originalSha256: textOf(data['originalSha256']) ?? sha256,
    ...(format === undefined ? {} : { format }),
  };
}

/**
 * What a handoff has put in a party's folder so far, by name: by `by` alone, else by all of its steps. What came back is no
 * step's.
 */
export async function arrivalsOf(
  storage: Storage,
  handoff: string,
  party: Party,
  by?: Pick<Effect, 'step' | 'epoch'>,
): Promise<Map<string, Arrived>> {
  const folder = arrivalsFolder(storage, party);
  const counts = ({ step, epoch }: Effect): boolean =>
    by ? step === by.step && epoch === by.epoch : step !== RETURN_STEP;
  const effects = (await storage.ledger.list(handoff)).filter(counts);
  const arrived = effects.flatMap((effect) => arrivedBy(effect) ?? []);
  return new Map(arrived.flatMap((a) => (a.path === path.join(folder, a.name) ? [[a.name, a]] : [])));
}
