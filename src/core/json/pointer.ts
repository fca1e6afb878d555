/** A JSON pointer (RFC 6901) of these keys; `''` without any. */
export const pointerOf = (...keys: readonly PropertyKey[]): string =>
  keys.map((k) => `/${String(k).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
