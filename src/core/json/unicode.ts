/** Whether a text has no half of a surrogate pair: no UTF-8 has one, and canonical JSON refuses it. */
export const isUnicode = (text: string): boolean =>
  // ES2024, and in every Node that we run on.
  (text as string & { isWellFormed(): boolean }).isWellFormed();

/** What is wrong with another one. */
export const NOT_UNICODE = 'has half of a surrogate pair, which is no Unicode text';
