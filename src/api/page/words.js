/** Spans and labels for people. */

/** `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. @param {number} ms */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 100) return `${s} s`;
  const min = Math.round(s / 60);
  if (min < 100) return `${min} min`;
  const h = Math.floor(min / 60);
  return h < 48 ? `${h} h ${min % 60} min` : `${Math.floor(h / 24)} d ${h % 24} h`;
}

/** `under_review` as `under review`. @param {string} name */
export const plain = (name) => name.replaceAll('_', ' ');

/** With a capital. @param {string} name */
export const title = (name) =>
  plain(name)
    .replace(/^./, (c) => c.toUpperCase())
    .replace(/^(Api|Qa)\b/, (word) => word.toUpperCase());

/** @param {number} n @param {string} one @param {string} [many] */
export const counted = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** A date of the API, whichever it uses. @param {string | number} at */
export const millis = (at) => (typeof at === 'number' ? at : Date.parse(at));

/** Digits that a person can compare. @param {string} digest */
export const short = (digest) => digest.slice(0, 12);

/** @param {number | undefined} n @param {number} [digits] */
export const number = (n, digits = 0) =>
  n === undefined || n === null ? '–' : n.toLocaleString('en', { maximumFractionDigits: digits });

/** 0 to 1 as per cent. @param {number | null | undefined} n */
export const percent = (n) => (n === undefined || n === null ? '–' : `${Math.round(n * 1000) / 10} %`);

/** @param {number} bytes */
export const size = (bytes) =>
  bytes < 1024
    ? `${bytes} B`
    : bytes < 1 << 20
      ? `${number(bytes / 1024, 1)} kB`
      : `${number(bytes / (1 << 20), 1)} MB`;

/**
 * The words of a run, which are Markdown for the Temporal Web UI, as plain lines; without what is to be pressed there.
 * @param {string} markdown
 */
export const linesOf = (markdown) =>
  markdown
    .split(/\n+/)
    .filter((line) => line.trim() !== '' && !/^Press \*|^- [·▶✓↷✗↶] /.test(line))
    .map((line) => line.replaceAll(/\*\*|`/g, '').replaceAll(/\\([\\<\]])/g, '$1'));

/** Which colour and sign a status has: never the colour alone. */
const TONES = {
  bad: ['incident', 'failed', 'rejected', 'blocked', 'expired'],
  wait: [
    'awaiting_acceptance',
    'under_review',
    'amendments_required',
    'paused',
    'draining',
    'submitted',
    'pending',
    'conditionally_approved',
  ],
  good: ['completed', 'approved', 'verified', 'complete', 'accepted', 'finished', 'applied'],
  busy: ['running', 'in_progress', 'compensating'],
};
const SIGNS = { bad: '▲', wait: '◷', good: '✓', busy: '▶', calm: '○' };

/** @param {string} status @returns {{ tone: keyof typeof SIGNS, sign: string }} */
export function toneOf(status) {
  const found = Object.entries(TONES).find(([, list]) => list.includes(status));
  const tone = /** @type {keyof typeof SIGNS} */ (found?.[0] ?? 'calm');
  // What is proven is not to look like what its author says.
  return { tone, sign: status === 'verified' ? '✓✓' : SIGNS[tone] };
}
