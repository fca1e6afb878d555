import type { Client, Connection } from '@temporalio/client';
import type { Storage } from '../../storage/storage.js';

/** What one check has to say. `skipped`: it could not look, and says why. */
export interface Finding {
  /** The check's own short name. */
  check: string;
  level: 'ok' | 'warn' | 'bad' | 'skipped';
  what: string;
  /** How to mend it, where there is something to mend. */
  mend?: string;
  /** The handoffs that it is about. */
  handoffs?: string[];
}

/** What the checks look at. */
export interface Patient {
  taskQueue: string;
  /** Where a server answered. */
  temporal?: { client: Client; connection: Connection; address: string; namespace: string };
  storage?: Storage;
  /** Bytes that must be free. */
  minFree: number;
  /** Younger than this, a difference may only be a matter of order. Milliseconds. */
  graceMs: number;
}

/** A check of the server gets a client. */
export type Connected = Patient & { temporal: NonNullable<Patient['temporal']> };
/** A check of the data gets a storage. */
export type Stored = Patient & { storage: Storage };

export const ok = (check: string, what: string): Finding => ({ check, level: 'ok', what });
export const warn = (check: string, what: string, mend: string, handoffs?: string[]): Finding => ({
  check,
  level: 'warn',
  what,
  mend,
  ...(handoffs ? { handoffs } : {}),
});
export const bad = (check: string, what: string, mend: string, handoffs?: string[]): Finding => ({
  ...warn(check, what, mend, handoffs),
  level: 'bad',
});
export const skipped = (check: string, what: string): Finding => ({ check, level: 'skipped', what });

/** `1 handoff is`, `3 handoffs are`. */
export const handoffsAre = (n: number): string => (n === 1 ? '1 handoff is' : `${n} handoffs are`);
/** `1 handoff`, `3 handoffs`. */
export const handoffs = (n: number): string => `${n} handoff${n === 1 ? '' : 's'}`;

/** A few names of many. */
export const some = (names: readonly string[], most = 5): string =>
  names.length > most ? `${names.slice(0, most).join(', ')} and ${names.length - most} more` : names.join(', ');

/** Milliseconds of a time as gRPC has it. */
export const msOf = (
  time: { seconds?: { toString(): string } | number | null; nanos?: number | null } | null | undefined,
): number | undefined => (time ? Number(time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6 : undefined);
