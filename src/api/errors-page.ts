/** Makes docs/errors.md a page: headings that problems lead to, paragraphs, lists, quotes. All text is escaped. */
export function errorsPage(markdown: string): string {
  const body = markdown.split('\n\n').map(block).join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>handoff: errors, by code</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
code{background:color-mix(in srgb,currentColor 10%,transparent);padding:0 .2em}:target{outline:2px solid}</style></head>
<body>
${body}
</body></html>
`;
}

function block(text: string): string {
  const heading = /^(#{1,4}) (.*)$/.exec(text.trim());
  if (heading) {
    const [, marks = '', title = ''] = heading;
    const id = title
      .toLowerCase()
      .replaceAll(/[^a-z0-9_ -]/g, '')
      .replaceAll(' ', '-');
    return `<h${marks.length} id="${id}">${inline(title)}</h${marks.length}>`;
  }
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length === 0) return '';
  if (lines.every((line) => line.startsWith('> '))) {
    return `<blockquote>${lines.map((line) => inline(line.slice(2))).join('<br>')}</blockquote>`;
  }
  if (lines[0]?.startsWith('- ')) {
    const items = text.split(/^- /m).filter((item) => item.trim() !== '');
    return `<ul>${items.map((item) => `<li>${inline(item.trim())}</li>`).join('')}</ul>`;
  }
  return `<p>${inline(lines.join(' '))}</p>`;
}

const ESCAPED: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Code, emphasis, and links by their words: other pages are not served. */
const inline = (text: string): string =>
  text
    .replaceAll(/[&<>"]/g, (c) => ESCAPED[c]!)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\[([^\]]+)\]\(#([\w-]+)\)/g, '<a href="#$2">$1</a>')
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .replaceAll(/\*([^*]+)\*/g, '<em>$1</em>');
