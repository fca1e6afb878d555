import { createHash, type Hash } from 'node:crypto';

/** How far a file has been hashed. */
export interface HashState {
  hash: Hash;
  at: number;
}

interface Kept extends HashState {
  of: string;
}

const KEPT = 64;
const states = new Map<string, Kept>();

/**
 * A hash cannot be written down in the midst, so what this process has hashed of a large file stays here while its
 * attempts take turns. `of` says which bytes: where it differs, or where nothing is kept, a new one begins.
 */
export function takeState(name: string, of: string, upTo: number): HashState {
  const kept = states.get(name);
  states.delete(name);
  return kept?.of === of && kept.at <= upTo ? { hash: kept.hash, at: kept.at } : { hash: createHash('sha256'), at: 0 };
}

export function keepState(name: string, of: string, state: HashState): void {
  states.set(name, { ...state, of });
  if (states.size > KEPT) states.delete(states.keys().next().value!);
}

/** As in a new process. */
export const forgetStates = (): void => states.clear();
