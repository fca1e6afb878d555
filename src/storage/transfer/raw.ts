/**
 * A path or name as its bytes, one character (U+0000–U+00FF) each: names need not be UTF-8, and two that look the same
 * may differ. It compares and sorts as the bytes do.
 */
export type Raw = string;

export const rawOf = (text: string): Raw => Buffer.from(text).toString('latin1');
/** What `node:fs` takes. */
export const bytesOf = (raw: Raw): Buffer => Buffer.from(raw, 'latin1');
/** For people; bytes that are no UTF-8 show as `�`. */
export const textOf = (raw: Raw): string => bytesOf(raw).toString();
