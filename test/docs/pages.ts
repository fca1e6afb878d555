import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '..', '..');

export interface Block {
  language: string;
  body: string;
  /** Line of the page on which it begins. */
  line: number;
}

/** The fenced blocks of a page, in order. `sh` is run by a test, `console` only has to parse. */
export function blocksOf(page: string): Block[] {
  const markdown = readFileSync(path.join(ROOT, page), 'utf8');
  return [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((m) => ({
    language: m[1]!,
    body: m[2]!,
    line: markdown.slice(0, m.index).split('\n').length + 1,
  }));
}

/** A page without its fenced blocks. */
export const proseOf = (page: string): string =>
  readFileSync(path.join(ROOT, page), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');

/** A command line as a shell splits it: blanks, quotes, no variables. Comments are left out. */
export function words(line: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  for (const [part, single, double] of line.matchAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\s+|[^\s'"]+/g)) {
    if (/^\s/.test(part)) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else if (part.startsWith('#') && word === undefined) break;
    else word = (word ?? '') + (single ?? double?.replaceAll(/\\(.)/g, '$1') ?? part);
  }
  return word === undefined ? found : [...found, word];
}

/** Every page that a reader may open. */
export const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'examples/README.md',
  'bench/README.md',
  ...readdirSync(path.join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];
