/** A command line as a shell splits it: blanks, quotes, no variables. Comments are left out. */
export function words(line: string): string[] {
  const found: string[] = [];
  for (const [whole, quoted, double] of line.matchAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|(?<=^|\s)#.*|[^\s'"]+/g)) {
    if (whole.startsWith('#')) break;
    found.push(quoted ?? double?.replaceAll(/\\(.)/g, '$1') ?? whole);
  }
  return found;
}
