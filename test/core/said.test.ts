import { expect, test } from 'vitest';
import { plain } from '../../src/cli/text/text.js';
import { said, saidWithin } from '../../src/core/said.js';

test.each([
  ['plain words are left as they are, with `code`, *stress* and snake_case', undefined],
  ['two\n\n# lines\r\n- and a list', 'two # lines - and a list'],
  ['<img src=x onerror=alert(1)>', String.raw`\<img src=x onerror=alert(1)>`],
  [
    '[press here](https://example.test) and ![a](b) and [c][d]',
    String.raw`[press here\](https://example.test) and ![a\](b) and [c\][d]`,
  ],
  [String.raw`C:\dir and \<b>`, String.raw`C:\\dir and \\\<b>`],
])('%j stays one line that does nothing of its own', (text, expected) => {
  expect(said(text)).toBe(expected ?? text);
});

test('within a sentence it has no full stop, and a terminal shows it as it was said', () => {
  expect(saidWithin('because. ')).toBe('because');
  const text = String.raw`see [it](x) at C:\dir <now>`;
  expect(plain(said(text))).toBe(text);
});
