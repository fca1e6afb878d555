/** Characters that nobody sees, or that turn the text around them: controls, directions, tags, half pairs. */
const UNSEEN = /[\p{Cc}\p{Surrogate}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu;
const LINE_END = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/g;

/**
 * Text of others on one line of Markdown, shown as it is: it makes no heading, list, table, link, code or HTML of its own.
 * What needs no mark gets none, because people and agents read the source as well. Empty for what has nothing to show.
 */
export const inlineMarkdown = (text: string): string =>
  text
    .trim()
    .replaceAll(LINE_END, '\n')
    .replaceAll(/[\\`*[\]<~|]/g, String.raw`\$&`)
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, String.raw`\_`)
    .replaceAll(/&(?=#?\w+;)/g, String.raw`\&`)
    .replaceAll(/(?<!\S)#/g, String.raw`\#`)
    .replace(/^[-+=>]/, String.raw`\$&`)
    .replace(/^(\d+)([.)])/, String.raw`$1\$2`)
    .replaceAll('\n', '<br>')
    .replaceAll(UNSEEN, '\ufffd');

/** Text of others as a code span that it cannot end. */
export function codeSpan(text: string): string {
  const line = text.replaceAll(LINE_END, ' ').replaceAll(UNSEEN, '\ufffd');
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const room = /^[ `]|[ `]$/.test(line) || line === '' ? ' ' : '';
  return `${fence}${room}${line}${room}${fence}`;
}
