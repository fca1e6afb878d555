/** Columns that text takes on a terminal. Sequences that set colours take none. */

const SEQUENCE = /\u001b\[[0-9;?]*[A-Za-z]/y;
const NONE = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]/u;
const EMOJI = /\p{Emoji_Presentation}|\p{Emoji}\ufe0f/u;
/** East Asian wide and full-width characters. */
const WIDE =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/u;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** What a text is made of: characters as people see them, and sequences that colour. */
function* parts(text: string): Generator<{ part: string; width: number }> {
  for (let at = 0; at < text.length;) {
    SEQUENCE.lastIndex = at;
    const sequence = SEQUENCE.exec(text)?.[0];
    if (sequence) {
      yield { part: sequence, width: 0 };
      at += sequence.length;
      continue;
    }
    const next = text.indexOf('\u001b', at + 1);
    const plain = text.slice(at, next < 0 ? undefined : next);
    for (const { segment } of graphemes.segment(plain)) yield { part: segment, width: widthOf(segment) };
    at += plain.length;
  }
}

/** Of one character as people see it. In doubt the larger: a line that is too short wraps nowhere. */
function widthOf(grapheme: string): number {
  if (EMOJI.test(grapheme)) return 2;
  let width = 0;
  for (const point of grapheme) if (!NONE.test(point)) width += WIDE.test(point) ? 2 : 1;
  return width;
}

const ASCII = /^[\u0020-\u007e]*$/;

export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const part of parts(text)) width += part.width;
  return width;
}

/** The text in at most so many columns, an ellipsis where some of it is left out; its colours end with it. */
export function fit(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return '';
  let kept = '';
  let left = columns - 1;
  let full = false;
  for (const { part, width } of parts(text)) {
    if (full) {
      // A colour that was begun must end.
      if (part.startsWith('\u001b')) kept += part;
    } else if (width > left) {
      full = true;
      kept += '…';
    } else {
      kept += part;
      left -= width;
    }
  }
  return kept;
}
