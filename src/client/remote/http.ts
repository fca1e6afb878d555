import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '../../core/digest.js';
import { HandoffError, invalid, isErrorCode, type ErrorParams, type Issue } from '../../core/errors.js';
import { checkBounds } from '../../core/request-schema.js';

/** What a client over HTTP is made with. */
export interface RemoteOptions {
  /** Where the service is, such as `http://127.0.0.1:7480`. */
  url: string;
  /** Of the agent that speaks: `hk_…`, as `handoff agents add` shows it once. */
  apiKey: string;
  /** In place of the global one. */
  fetch?: typeof fetch;
  /** Milliseconds for each call but `result`. Default 15,000: the service itself gives up after 10,000, and says why. */
  deadlineMs?: number;
}

/** Values of query parameters; what is undefined is left out. */
export type Query = Record<string, string | number | boolean | undefined>;

export interface Call {
  query?: Query;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as they are, in place of a body. */
  bytes?: { type: string; bytes: Uint8Array };
  /** Idempotency key of a write. Default: one of its own, the same for each try. */
  key?: string;
  /** The `seq` that must be the present one. */
  ifMatch?: number;
  /** In place of the client's; `Infinity`: none. Milliseconds. */
  deadlineMs?: number;
  signal?: AbortSignal;
}

export interface Answer {
  status: number;
  type: string;
  bytes: Uint8Array;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const PREFIX = '/api/v1/agent-handoff';
/** Pauses before a call is made again whose connection broke. Milliseconds. */
const AGAIN: Record<'read' | 'write', readonly number[]> = { read: [100, 400], write: [100] };

/** What a key may be in a header. */
const KEY = /^[\x21-\x7e]{1,200}$/;
/** How long the answer to a try before is waited for, each time. Milliseconds. */
const IN_FLIGHT_MS = 250;

/** Calls to one service as one agent. Each throws HandoffErrors only. */
export class Http {
  readonly #base: string;
  readonly #apiKey: string;
  readonly #fetch: typeof fetch;
  readonly deadlineMs: number;

  /** Throws INVALID_REQUEST. */
  constructor(options: RemoteOptions) {
    const { fetch: own, deadlineMs = 15_000 } = options;
    const issues = faultsOf(options);
    if (issues.length > 0) throw invalid('INVALID_REQUEST', issues);
    const { origin, pathname } = new URL(options.url);
    this.#base = origin + pathname.replace(/\/+$/, '') + PREFIX;
    this.#apiKey = options.apiKey;
    this.#fetch = own ?? fetch;
    this.deadlineMs = deadlineMs;
  }

  /** What a GET answers, as JSON. */
  async get<T>(path: string, query: Query = {}, call: Call = {}): Promise<T> {
    return jsonOf(await this.call('GET', path, { ...call, query })) as T;
  }

  /** What a write answers, as JSON. */
  async send<T>(method: Exclude<Method, 'GET'>, path: string, body?: unknown, call: Call = {}): Promise<T> {
    return jsonOf(await this.call(method, path, { ...call, body })) as T;
  }

  /** One call, made again where its connection broke. Throws what the problem says, API_UNREACHABLE, DEADLINE_EXCEEDED. */
  async call(method: Method, path: string, call: Call = {}): Promise<Answer> {
    const url = this.#base + path + queryText(call.query);
    const init = this.#init(method, call);
    const pauses = AGAIN[method === 'GET' ? 'read' : 'write'];
    const ms = call.deadlineMs ?? this.deadlineMs;
    const late = ms === Infinity ? undefined : AbortSignal.timeout(ms);
    const signals = [late, call.signal].filter((s) => s !== undefined);
    for (let tries = 0; ; tries++) {
      try {
        const response = await this.#fetch(url, { ...init, signal: AbortSignal.any(signals) });
        const bytes = new Uint8Array(await response.arrayBuffer());
        const answer = { status: response.status, type: response.headers.get('content-type') ?? '', bytes };
        if (response.ok) return answer;
        throw problemIn(answer, this.#base);
      } catch (error) {
        if (error instanceof HandoffError) {
          // The try before this one is still at work there.
          if (error.code !== 'IDEMPOTENCY_IN_FLIGHT' || tries === 0) throw error;
          await sleep(IN_FLIGHT_MS);
          continue;
        }
        if (late?.aborted || call.signal?.aborted) throw lateError(`${method} ${path}`, ms, method, error);
        const pause = pauses[tries];
        if (pause === undefined) throw unreachable(this.#base, reasonOf(error), error);
        await sleep(pause);
      }
    }
  }

  #init(method: Method, call: Call): RequestInit {
    const { body, bytes, key = randomUUID(), ifMatch } = call;
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#apiKey}`,
      accept: 'application/json, */*',
    };
    // Of a caller's own, any text will do.
    if (method !== 'GET') headers['idempotency-key'] = KEY.test(key) ? key : sha256(key);
    if (ifMatch !== undefined) headers['if-match'] = `"${ifMatch}"`;
    if (bytes) headers['content-type'] = bytes.type;
    else if (body !== undefined) headers['content-type'] = 'application/json';
    const content = bytes
      ? Buffer.from(bytes.bytes)
      : body === undefined
        ? undefined
        : (JSON.stringify(body) ?? 'null');
    // A redirect would take the key elsewhere.
    return { method, headers, redirect: 'error', ...(content === undefined ? {} : { body: content }) };
  }
}

function faultsOf({ url, apiKey, deadlineMs = 1 }: RemoteOptions): Issue[] {
  const issues: Issue[] = [];
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isPlain = parsed && /^https?:$/.test(parsed.protocol) && !parsed.username && !parsed.search && !parsed.hash;
  if (!isPlain)
    issues.push({ path: '/url', message: 'must be an http or https address, such as http://127.0.0.1:7480' });
  if (typeof apiKey !== 'string' || !/^[\x21-\x7e]+$/.test(apiKey))
    issues.push({ path: '/apiKey', message: 'must be an API key: hk_…, as `handoff agents add` shows it' });
  if (!(typeof deadlineMs === 'number' && deadlineMs > 0 && deadlineMs <= 2 ** 31 - 1))
    issues.push({ path: '/deadlineMs', message: 'must be a number of milliseconds over 0' });
  return issues;
}

/** `/a/b c` as a path: each part encoded. */
export const pathTo = (...parts: (string | number)[]): string =>
  parts.map((p) => `/${encodeURIComponent(String(p).replaceAll(/\p{Surrogate}/gu, '\ufffd'))}`).join('');

function queryText(query: Query = {}): string {
  const given = Object.entries(query).flatMap(([name, v]): [string, string][] =>
    v === undefined ? [] : [[name, String(v)]],
  );
  return given.length > 0 ? `?${new URLSearchParams(given).toString()}` : '';
}

/** What a caller gives, if it is JSON of a bounded size and depth. Throws INVALID_REQUEST, INPUT_TOO_LARGE. */
export function bounded<T>(body: T, what = 'The request'): T {
  checkBounds(body, what);
  return body;
}

function jsonOf({ bytes, status, type }: Answer): unknown {
  if (status === 204 || bytes.byteLength === 0) return undefined;
  const value = parsed(bytes);
  if (value !== undefined) return value;
  throw new HandoffError('API_UNREACHABLE', { url: 'the address', why: `it answered with ${type || 'no JSON'}` });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

interface ProblemText {
  code?: unknown;
  detail?: unknown;
  params?: ErrorParams;
  errors?: Issue[];
}

/** The error that a problem tells of, with the text of who told it. */
export function errorOf(problem: ProblemText): HandoffError {
  const { code, params = {}, errors } = problem;
  const detail = typeof problem.detail === 'string' ? problem.detail : '';
  // Of a newer service: it knows errors that this client does not.
  if (!isErrorCode(code)) return new HandoffError('INTERNAL', { why: `${String(code)}: ${detail}` });
  const error = new HandoffError(code, { ...params, ...(errors ? { list: errors } : {}) });
  if (detail !== '') error.message = detail;
  return error;
}

function problemIn({ status, bytes, type }: Answer, base: string): HandoffError {
  const value = type.includes('json') ? parsed(bytes) : undefined;
  if (typeof value === 'object' && value !== null && 'code' in value) return errorOf(value);
  return unreachable(base, `it answered ${status} with ${type || 'nothing'}, which is no answer of the service`);
}

const unreachable = (url: string, why: string, cause?: unknown): HandoffError =>
  new HandoffError('API_UNREACHABLE', { url, why }, { cause });

function lateError(what: string, ms: number, method: Method, cause: unknown): HandoffError {
  const next = method === 'GET' ? 'Then ask again.' : 'It may still take effect.';
  return new HandoffError('DEADLINE_EXCEEDED', { what, seconds: ms / 1000, next }, { cause });
}

/** What broke, in words: `fetch` hides it. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { message?: string; code?: string }; message?: string };
  return cause?.message || cause?.code || message || String(error);
}
