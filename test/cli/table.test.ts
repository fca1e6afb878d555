import fc from 'fast-check';
import picocolors from 'picocolors';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { paintFor, table } from '../../src/cli/text/text.js';
import { textWidth } from '../../src/cli/text/width.js';
import { seeded } from '../properties/seed.js';

const plain = picocolors.createColors(false);
const HEAD = ['ID', 'STATUS', 'WHY'];

describe('a table', () => {
  it('is written in full where there is room, and in a pipe', () => {
    const rows = [['a', 'running', 'x'.repeat(300)]];
    expect(table(plain, HEAD, rows, '')).toBe(`ID  STATUS   WHY\na   running  ${'x'.repeat(300)}`);
    expect(table(plain, HEAD, [], 'Nothing.')).toBe('Nothing.');
  });

  it('shortens its widest columns, and the one that names the row last', () => {
    const rows = [['ho_0199-6c12', 'awaiting_acceptance', 'because somebody wrote much about it']];
    expect(table(plain, HEAD, rows, '', 50).split('\n')[1]).toBe('ho_0199-6c12  awaiting_accepta…  because somebody…');
    expect(table(plain, HEAD, rows, '', 30).split('\n')[1]).toBe('ho_0199-6c12  awaiti…  becaus…');
  });

  it('never is wider than the terminal, where its columns have room at all', () => {
    const cell = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.string({ maxLength: 60 }));
    const rows = fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 22, max: 200 }), (all, width) => {
        const lines = table(plain, HEAD, all, '', width).split('\n');
        expect(lines.filter((line) => textWidth(line) > width)).toEqual([]);
      }),
      seeded(300),
    );
  });

  it('lets no text of others move the cursor', () => {
    expect(table(plain, HEAD, [['a', '\u001b[2J', '\u009b31m']], '')).toContain('\\x1b[2J  \\x9b31m');
  });
});

describe('colours', () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each<[string, boolean, Record<string, string>, boolean]>([
    ['on a terminal', true, {}, true],
    ['not in a pipe', false, {}, false],
    ['not where NO_COLOR asks for none', true, { NO_COLOR: '1' }, false],
    ['on a terminal with an empty NO_COLOR', true, { NO_COLOR: '' }, true],
    ['not on a dumb terminal', true, { TERM: 'dumb' }, false],
    ['in a pipe with FORCE_COLOR', false, { FORCE_COLOR: '1' }, true],
    ['with FORCE_COLOR over NO_COLOR', false, { FORCE_COLOR: '3', NO_COLOR: '1' }, true],
    ['not with FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, false],
  ])('%s', (_, isTTY, env, coloured) => {
    const none = { NO_COLOR: undefined, FORCE_COLOR: undefined, TERM: 'xterm' };
    for (const [name, value] of Object.entries({ ...none, ...env })) vi.stubEnv(name, value);
    expect(paintFor({ isTTY }).isColorSupported).toBe(coloured);
    expect(paintFor({ isTTY }).red('x')).toBe(coloured ? '\u001b[31mx\u001b[39m' : 'x');
  });
});
