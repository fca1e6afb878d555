/**
 * Numbers in [0, 1) from a seed and the name of a stream (mulberry32, its state from FNV-1a): the same two, the same
 * numbers; streams of one seed differ.
 */
export function seededRandom(seed: number, stream: string): () => number {
  let state = 0x811c9dc5;
  for (const c of `${seed}/${stream}`) state = Math.imul(state ^ c.codePointAt(0)!, 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
