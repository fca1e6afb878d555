/** Stands for all names beyond the bound. */
export const OTHER = '(other)';

/** Names that a label has at most: what people may name as they like must not grow a monitoring system without end. */
const MOST = 100;

/**
 * Which names keep their own series: those that were there first, because a name that came to one later must not take
 * what others have counted.
 */
export function keeping(seen: readonly { name: string; first: number }[], most = MOST): (name: string) => boolean {
  const names = new Set<string>();
  for (const { name } of seen.toSorted((a, b) => a.first - b.first)) {
    if (names.size >= most) break;
    names.add(name);
  }
  return (name) => names.has(name);
}
