import { isFields, type Fields } from '../core/fields.js';
import { inlineMarkdown } from '../core/markdown.js';

const isFlat = (v: unknown): boolean => typeof v !== 'object' || v === null;
const isTable = (v: unknown): v is Fields[] =>
  Array.isArray(v) &&
  v.length > 0 &&
  v.every((row) => isFields(row) && Object.keys(row).length > 0 && Object.values(row).every(isFlat));

const inline = (v: unknown): string =>
  v === undefined || v === '' ? '' : inlineMarkdown(typeof v === 'string' ? v : (JSON.stringify(v) ?? ''));

/** A JSON value as Markdown: headings for objects, tables for arrays of flat objects, else lists. All text is escaped. */
export const markdownOf = (value: unknown): string => `${blocks(value, 1).join('\n\n')}\n`;

function blocks(value: unknown, level: number): string[] {
  if (isTable(value)) return [table(value)];
  if (Array.isArray(value)) return [list(value, '') || '*none*'];
  if (!isFields(value)) return [inline(value) || '*empty*'];
  const fields = Object.entries(value);
  const flat = fields.filter(([, v]) => isFlat(v));
  const deep = fields.filter(([, v]) => !isFlat(v));
  return [
    ...(fields.length === 0 ? ['*none*'] : []),
    ...(flat.length > 0 ? [flat.map(([k, v]) => `- **${inline(k)}**: ${inline(v)}`.trimEnd()).join('\n')] : []),
    ...deep.flatMap(([k, v]) => [`${'#'.repeat(Math.min(level, 6))} ${inline(k)}`.trimEnd(), ...blocks(v, level + 1)]),
  ];
}

function table(rows: Fields[]): string {
  const columns = [...new Set(rows.flatMap((r) => Object.keys(r)))];
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(inline)),
    line(columns.map(() => '---')),
    ...rows.map((r) => line(columns.map((c) => (Object.hasOwn(r, c) ? inline(r[c]) : '')))),
  ].join('\n');
}

function list(items: readonly unknown[], indent: string): string {
  return items
    .map((item) => {
      if (isFlat(item)) return `${indent}- ${inline(item)}`.trimEnd();
      if (Array.isArray(item))
        return item.length === 0 ? `${indent}- *none*` : `${indent}-\n${list(item, `${indent}  `)}`;
      const fields = Object.entries(item as Fields);
      if (fields.length === 0) return `${indent}- *none*`;
      return fields
        .map(([k, v], i) => {
          const lead = `${indent}${i === 0 ? '- ' : '  '}**${inline(k)}**:`;
          if (isFlat(v)) return `${lead} ${inline(v)}${i < fields.length - 1 ? '  ' : ''}`.trimEnd();
          return `${lead}\n${list(Array.isArray(v) ? v : [v], `${indent}  `)}`.trimEnd();
        })
        .join('\n');
    })
    .join('\n');
}
