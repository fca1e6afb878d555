import htm from 'htm';
import { h } from 'preact';

/** Templates of elements. What is put into them becomes text or an attribute, never markup. */
export const html = /** @type {(strings: TemplateStringsArray, ...values: unknown[]) => import('preact').VNode} */ (
  /** @type {{ bind: (h: unknown) => unknown }} */ (/** @type {unknown} */ (htm)).bind(h)
);
export { render } from 'preact';
export { useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
