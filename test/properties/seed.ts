import type { Parameters } from 'fast-check';

/** With `HANDOFF_PROPERTIES=full`, ten times as many runs. */
export const full = process.env['HANDOFF_PROPERTIES'] === 'full';
export const runs = (short: number): number => (full ? short * 10 : short);

/**
 * Fast-check prints seed and path of a failure; `HANDOFF_SEED=<seed>` repeats it. Without one, each run has another.
 */
export function seeded<T>(numRuns: number): Parameters<T> {
  const seed = process.env['HANDOFF_SEED'];
  return { numRuns, ...(seed ? { seed: Number(seed) } : {}) };
}
