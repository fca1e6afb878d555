import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/core/errors.js';
import { ROOT } from './pages.js';

const page = readFileSync(path.join(ROOT, 'docs/troubleshooting.md'), 'utf8');

/** The texts of a table's first cell, and the code that its row leads to. */
const ROWS = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => ({
    texts: [...line.split(' | ')[0]!.matchAll(/`` (.+?) ``|`([^`]+)`/g)].map((m) => m[1] ?? m[2]!),
    code: /\[([A-Z_]+)\]\(errors\.md#/.exec(line)?.[1],
  }));

/** All that our code can say, as it stands there. */
const SOURCE = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(path.join(ROOT, 'src', file), 'utf8'))
  .join('\n')
  .replaceAll("\\'", "'");

/** What stands between the places that differ; a blank or a colon alone says nothing. */
const literals = (text: string): string[] =>
  text
    .split('…')
    .map((part) => part.trim())
    .filter((part) => /[\p{L}]{2}/u.test(part));

/** A message as the page writes it: `…` for what differs. */
const skeletonOf = (code: ErrorCode): string =>
  ERRORS[code].message
    .replaceAll(/ \{\w+\?\}/g, ' …')
    .replaceAll(/\{\w+\}/g, '…')
    .replaceAll('… …', '…');

describe('docs/troubleshooting.md', () => {
  test.each(Object.keys(ERRORS) as ErrorCode[])('has what %s says', (code) => {
    const rows = ROWS.filter((row) => row.code === code);
    expect(rows).not.toEqual([]);
    const skeleton = skeletonOf(code);
    // One that is all placeholder says what the place that meets it says: the next test looks for that.
    if (literals(skeleton).length === 0) return;
    const begin = rows.flatMap((row) => row.texts).filter((text) => skeleton.startsWith(text.replace(/…$/, '')));
    expect([skeleton, begin]).toEqual([skeleton, [expect.any(String)]]);
  });

  test.each(ROWS.flatMap((row) => row.texts))('what it quotes is said by the code: %s', (text) => {
    expect(literals(text)).not.toEqual([]);
    expect(literals(text).filter((part) => !SOURCE.includes(part) && !isExample(part))).toEqual([]);
  });
});

/** Rules put their id before their words, and the code stores the two apart. */
const isExample = (part: string): boolean => part === ': VR001 Phase Completion Check:';
