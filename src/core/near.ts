/** How many letters a slip of the pen may get wrong. */
const SLIPS = 2;

/**
 * The one of `known` that somebody who wrote `name` most likely meant; undefined where none is close. `@x` and `x` are
 * close, and so are names that differ in two letters, short names in fewer.
 */
export function nearName(name: string, known: readonly string[]): string | undefined {
  const most = Math.min(SLIPS, Math.floor(name.length / 3));
  const scored = known
    .filter((other) => other !== name)
    .map((other) => ({ other, slips: slipsBetween(name, other) }))
    .filter(({ other, slips }) => slips <= most || other === `@${name}` || `@${other}` === name);
  return scored.toSorted((a, b) => a.slips - b.slips)[0]?.other;
}

/** Letters to add, to leave out or to change (Levenshtein). */
function slipsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > SLIPS) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + Number(a[i - 1] !== b[j - 1])));
    }
    row = next;
  }
  return row[b.length]!;
}

/** What `AGENT_UNKNOWN` says beside; nothing where no name is close. */
export function meantAgent(name: string, known: readonly { name: string }[]): { next?: string } {
  const near = nearName(
    name,
    known.map((k) => k.name),
  );
  return near === undefined ? {} : { next: `Or do you mean ${near}?` };
}
