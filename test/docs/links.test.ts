import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { SITUATIONS } from '../situations/situations.js';
import { PAGES, ROOT, proseOf } from './pages.js';

/** A heading's anchor, as GitHub makes it. */
const slugOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');

const anchorsOf = (page: string): string[] => [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map((m) => slugOf(m[1]!));

/** Where the links of a page lead, without those that leave the repository. */
const linksOf = (page: string): string[] =>
  [...proseOf(page).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)]
    .map((m) => m[1] ?? m[2]!)
    .filter((link) => !/^(https?|mailto):/.test(link));

/** Pictures that `npm run screenshots` makes; they need not be there yet. */
function pictures(): Set<string> {
  const tests = ['situations/web-ui', 'page/operator', 'page/review'];
  const source = tests.map((name) => readFileSync(path.join(ROOT, `test/${name}.test.ts`), 'utf8')).join('\n');
  const named = [...source.matchAll(/picture\((?:\w+, )?'([^']+)'/g)].map((m) => m[1]!);
  const numbered = Object.keys(SITUATIONS).map((name, i) => `${String(i + 1).padStart(2, '0')}-${name}`);
  const both = numbered.flatMap((name) => [`${name}-timeline`, `${name}-metadata`]);
  return new Set([...named, ...both].map((name) => `docs/screenshots/${name}.png`));
}

function faultOf(page: string, link: string): string | undefined {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
  if (target.startsWith('docs/screenshots/')) return pictures().has(target) ? undefined : `${link}: nobody makes it`;
  if (!existsSync(path.join(ROOT, target))) return `${link}: there is no ${target}`;
  if (anchor === undefined || anchorsOf(target).includes(anchor)) return undefined;
  return `${link}: ${target} has no heading for it`;
}

describe('links', () => {
  test.each(PAGES)('of %s lead somewhere', (page) => {
    expect(linksOf(page).flatMap((link) => faultOf(page, link) ?? [])).toEqual([]);
  });

  test('lead from the README to the index, and from there to every page', () => {
    expect(linksOf('README.md')).toContain('docs/README.md');
    const named = linksOf('docs/README.md').map((link) => `docs/${link}`);
    const pages = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(pages.filter((page) => !named.includes(page))).toEqual([]);
  });
});
