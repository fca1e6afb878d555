import { lookup } from 'node:dns';
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isWithin } from '../../storage/events/addresses.js';

export interface Posted {
  /** Absent where no answer came. */
  status?: number;
  /** What went wrong, in at most {@link KEPT} characters; absent where it was taken. */
  error?: string;
  /** What the receiver asks to wait, milliseconds. */
  retryAfterMs?: number;
}

export interface PostOptions {
  timeoutMs: number;
  /** Whether addresses within this machine and its networks are allowed. */
  allowPrivate: boolean;
  signal: AbortSignal;
}

/** Characters of an answer that are kept. */
const KEPT = 500;
const DAY_MS = 86_400_000;

const REFUSED = 'is an address within this machine or its networks';

/**
 * Resolves a name for one connection, and refuses what lies within. The connection goes to the very addresses that were
 * looked at, so a name that is answered differently the next time gains nothing.
 */
const guarded: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    if (addresses.some((a) => isWithin(a.address))) return callback(new Error(`${hostname} ${REFUSED}`), []);
    if (options.all) return callback(null, addresses);
    const [first] = addresses;
    return first ? callback(null, first.address, first.family) : callback(new Error(`${hostname} has no address`), []);
  });
};

/** Posts a body once: no redirect is followed, nothing is tried again, no connection is kept. It never throws. */
export async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  { timeoutMs, allowPrivate, signal }: PostOptions,
): Promise<Posted> {
  const to = new URL(url);
  const host = to.hostname.replace(/^\[|\]$/g, '');
  if (!allowPrivate && isIP(host) !== 0 && isWithin(host)) return { error: `${host} ${REFUSED}` };
  const late = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve) => {
    const fail = (error: Error): void =>
      resolve({ error: late.aborted ? `no answer within ${timeoutMs / 1000} s` : error.message.slice(0, KEPT) });
    const sending = (to.protocol === 'https:' ? secure : plain)(
      to,
      {
        method: 'POST',
        agent: false,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        signal: AbortSignal.any([signal, late]),
        ...(allowPrivate ? {} : { lookup: guarded }),
      },
      (response) => {
        const { statusCode: status = 0 } = response;
        let text = '';
        response.setEncoding('utf8');
        const end = (): void => {
          const wait = waitOf(response.headers['retry-after']);
          const good = status >= 200 && status < 300;
          resolve({
            status,
            ...(good ? {} : { error: `answered ${status}${text.trim() ? `: ${text.trim()}` : ''}`.slice(0, KEPT) }),
            ...(wait === undefined ? {} : { retryAfterMs: wait }),
          });
          response.destroy();
        };
        response.on('data', (chunk: string) => {
          text = (text + chunk).slice(0, KEPT);
          // A long answer is not waited for: its status has said all.
          if (text.length === KEPT) end();
        });
        response.on('end', end);
        response.on('error', fail);
      },
    );
    sending.on('error', fail);
    sending.end(body);
  });
}

/** Of `Retry-After`: seconds, or a date. At most a day. */
function waitOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(DAY_MS, Math.max(0, ms)) : undefined;
}
