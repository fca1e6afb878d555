const NAMES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text of others within HTML, also within a quoted attribute. */
export const escaped = (text: unknown): string => String(text).replace(/[&<>"']/g, (c) => NAMES[c]!);

/** JSON within a `<script>`: nothing in it can end the element. */
export const scriptJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
