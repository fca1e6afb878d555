import { safe, type Paint } from './text.js';

/** A title with what belongs to it below. */
export const section = (paint: Paint, title: string, body: string): string => `${paint.bold(title)}\n${indented(body)}`;

export const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => (line ? `  ${line}` : line))
    .join('\n');

/** The columns to write for: the terminal's, within reason. */
export const pageWidth = (): number => Math.min(Math.max(process.stdout.columns || 80, 60), 120);

/** One line of others' text as several that fit; those after the first stand `hang` further in. */
export function wrapped(line: string, width: number, hang = 2): string {
  const [, lead = '', rest = ''] = /^( *)(.*)$/s.exec(safe(line).replaceAll('\n', ' ')) ?? [];
  const lines: string[] = [];
  let current = lead;
  for (const word of rest.split(' ')) {
    const begun = current.trim() !== '';
    if (begun && current.length + 1 + word.length > width) {
      lines.push(current);
      current = `${lead}${' '.repeat(hang)}${word}`;
    } else current += begun ? ` ${word}` : word;
  }
  return [...lines, current].join('\n');
}
