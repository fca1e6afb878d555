/// <reference types="node" />
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/core/errors.js';

/** Codes that stand only in an incident: no call throws them, so the catalogue does not have them. */
const INCIDENT_CODES = ['LEASE_LAPSED', 'ROLLED_BACK', 'RETURN_MISSING', 'RETURN_INVALID'];

const CODES = Object.keys(ERRORS) as ErrorCode[];

const sections = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  .split(/^### /m)
  .slice(1)
  .map((text) => {
    const [heading = '', ...lines] = text.split('\n');
    return { heading, lines };
  });

const factsOf = (code: string): string[] =>
  sections.filter((s) => s.heading === code).flatMap((s) => s.lines.filter((line) => line.startsWith('HTTP ')));

test('docs/errors.md has one section for each code of the catalogue, and none for any other', () => {
  const headings = sections.map((s) => s.heading);
  expect(new Set(headings)).toEqual(new Set([...CODES, ...INCIDENT_CODES]));
  expect(headings.filter((h, i) => headings.indexOf(h) !== i)).toEqual([]);
});

test.each(CODES)('docs/errors.md says of %s what the catalogue says', (code) => {
  const { http, retryable } = ERRORS[code];
  expect(factsOf(code)).toEqual([`HTTP ${http} · retried by itself: ${retryable ? 'yes' : 'no'}`]);
});
