import { useEffect, useState } from './dom.js';

/** `#/reports/r-1?status=draft` as its parts. */
function here() {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path.split('/').filter(Boolean);
  /** @param {string} part */
  const plain = (part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  };
  return { parts: parts.map(plain), query: Object.fromEntries(new URLSearchParams(query)), whole: location.hash };
}

export function useRoute() {
  const [route, set] = useState(here);
  useEffect(() => {
    const hear = () => set(here());
    window.addEventListener('hashchange', hear);
    return () => window.removeEventListener('hashchange', hear);
  }, []);
  return route;
}

/** @param {...string} parts */
export const to = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`;

/** @param {string} hash */
export const go = (hash) => void (location.hash = hash);

/** Changes the query of this page without a step in the history. @param {Record<string, string | undefined>} query */
export function withQuery(query) {
  const [path] = location.hash.split('?', 1);
  const given = Object.entries(query).filter(([, v]) => v);
  const search = new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString();
  history.replaceState(null, '', `${path || '#/'}${search ? `?${search}` : ''}`);
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

/** What the title of the window says, with the number of things that wait. */
let waiting = 0;
let name = '';
const show = () => void (document.title = `${waiting > 0 ? `(${waiting}) ` : ''}${name ? `${name} · ` : ''}handoff`);
/** @param {number} count */
export function countInTitle(count) {
  waiting = count;
  show();
}

/** The name of the page, for the window's title; undefined leaves it. @param {string | undefined} title */
export function useTitle(title) {
  useEffect(() => {
    if (title === undefined) return;
    name = title;
    show();
  }, [title]);
}
