import { PREFIX } from './terms.js';

/**
 * What went wrong, as the API said it.
 * @typedef {{ code: string, detail: string, status: number, errors?: { path: string, message: string }[] }} Problem
 */

/** What to do next, where the problem's own words do not say. @type {Record<string, string>} */
const NEXT = {
  UNREACHABLE: 'Look whether `handoff serve` runs and you are connected; the page tries again by itself.',
  UNAUTHENTICATED: 'Sign in again. What you typed is still here.',
  FORBIDDEN: 'Ask an admin for the role, or somebody who has it to do this.',
  RATE_LIMITED: 'Wait a moment; the page tries again by itself.',
  NO_WORKER: 'Start a worker: `handoff worker`.',
  TEMPORAL_UNREACHABLE: 'Look whether the Temporal server runs: `handoff doctor`.',
  INTERNAL: 'Try again; if it stays, the log of the service says why.',
};

/** @param {Problem} problem */
export const nextOf = (problem) => NEXT[problem.code] ?? '';

/** @param {unknown} error @returns {Problem} */
export function problemOf(error) {
  const own = /** @type {{ problem?: Problem } | undefined} */ (error)?.problem;
  return own ?? { code: 'PAGE', detail: error instanceof Error ? error.message : String(error), status: 0 };
}

/** @param {Problem} problem */
const failure = (problem) => Object.assign(new Error(problem.detail), { problem });

/** Who hears that nobody is signed in (any more). @type {Set<() => void>} */
export const signedOut = new Set();

/** What the service wants with each write of a session, if anything. */
let csrf = '';
/** @param {string | undefined} token */
export const setCsrf = (token) => void (csrf = token ?? '');

/**
 * @typedef {object} CallOptions
 * @property {unknown} [body] JSON, or the bytes of a file
 * @property {Record<string, string | number | boolean | undefined>} [query]
 * @property {number} [ifMatch] the `seq` that was seen
 * @property {string} [key] of idempotency
 * @property {AbortSignal} [signal]
 */

/** @param {string} path @param {CallOptions['query']} [query] */
export function urlOf(path, query = {}) {
  const given = Object.entries(query).filter(([, v]) => v !== undefined && v !== '');
  const search = new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString();
  return `${PREFIX}${path}${search ? `?${search}` : ''}`;
}

/**
 * One request with the session's cookie. Throws an error with a `problem`.
 * @param {string} method @param {string} path @param {CallOptions} [options]
 */
export async function call(method, path, { body, query, ifMatch, key, signal } = {}) {
  const file = body instanceof Blob;
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = file ? body.type || 'application/octet-stream' : 'application/json';
  if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`;
  if (key !== undefined) headers['idempotency-key'] = key;
  if (csrf && method !== 'GET') headers['x-csrf-token'] = csrf;
  const sent = body === undefined ? {} : { body: file ? body : JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(urlOf(path, query), { method, headers, ...sent, signal, credentials: 'same-origin' });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw failure({ code: 'UNREACHABLE', detail: 'The service cannot be reached.', status: 0 });
  }
  const json = await answer.json().catch(() => undefined);
  if (answer.ok) return json;
  if (answer.status === 401 && path !== '/session') for (const listener of signedOut) listener();
  const { code = `HTTP_${answer.status}`, detail = answer.statusText, errors } = json ?? {};
  throw failure({ code, detail, status: answer.status, errors });
}

/** @param {string} path @param {CallOptions['query']} [query] @param {AbortSignal} [signal] */
export const get = (path, query, signal) => call('GET', path, { query, signal });

/**
 * All pages of what happened to a report.
 * @param {string} id @param {AbortSignal} [signal]
 * @returns {Promise<import('../../core/report/view.js').ReportHistory>}
 */
export async function historyOf(id, signal) {
  const { next_cursor: more, ...all } = await get(`/reports/${seg(id)}/history`, {}, signal);
  for (let cursor = more; cursor;) {
    const page = await get(`/reports/${seg(id)}/history`, { cursor }, signal);
    all.versions.push(...page.versions);
    all.entries.push(...page.entries);
    cursor = page.next_cursor;
  }
  return all;
}

/** Names that stand in a path. @param {string} name */
export const seg = (name) => encodeURIComponent(name);
