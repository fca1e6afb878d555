import { useCallback, useEffect, useRef, useState } from './dom.js';
import { problemOf } from './api.js';
import { PREFIX } from './terms.js';

/** @typedef {'connecting' | 'live' | 'reconnecting' | 'off'} Connection */

/** While there is no WebSocket; and, slower, beside one, which does not tell of all that one may see. */
const POLL_MS = 5000;
const SAFETY_MS = 10_000;
/** A storm of events is one look. */
const GATHER_MS = 250;
const BETWEEN_MS = 1500;
const SESSION_OVER = 4401;

/** @type {Connection} */
let connection = 'off';
/** @type {Set<(c: Connection) => void>} */
const watchers = new Set();
/** @type {Set<(type?: string) => void>} */
const listeners = new Set();

/** @param {Connection} next */
function become(next) {
  connection = next;
  for (const watch of watchers) watch(next);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let gathering;
let told = 0;
/** Has everything on the page looked at again soon. */
export function changed() {
  gathering ??= setTimeout(
    () => {
      gathering = undefined;
      told = Date.now();
      if (!document.hidden) for (const hear of listeners) hear();
    },
    Math.max(GATHER_MS, told + BETWEEN_MS - Date.now()),
  );
}
document.addEventListener('visibilitychange', () => !document.hidden && changed());

/** Keeps a WebSocket open, and polls while there is none. Gives what ends it. */
export function goLive() {
  let stopped = false;
  let tries = 0;
  let cursor = '';
  /** @type {WebSocket | undefined} */
  let socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;
  let lastPoll = Date.now();
  const poll = setInterval(() => {
    if (Date.now() - lastPoll < (connection === 'live' ? SAFETY_MS : POLL_MS)) return;
    lastPoll = Date.now();
    changed();
  }, 1000);
  const open = () => {
    become(tries === 0 ? 'connecting' : 'reconnecting');
    const address = new URL(
      `${PREFIX}/events/ws${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ''}`,
      location.href,
    );
    address.protocol = address.protocol.replace('http', 'ws');
    socket = new WebSocket(address, 'handoff.v1');
    socket.addEventListener('open', () => {
      become('live');
      // What happened while nobody listened.
      if (tries > 0) changed();
      tries = 0;
    });
    socket.addEventListener('message', ({ data }) => {
      try {
        const said = JSON.parse(String(data));
        cursor = String(said.cursor ?? cursor);
        // The service's own words, such as a heartbeat, change nothing here.
        if (typeof said.type === 'string' && said.type.startsWith('handoff:')) changed();
      } catch {
        changed();
      }
    });
    socket.addEventListener('close', ({ code }) => {
      if (stopped) return;
      become('reconnecting');
      // The session is over: the next look finds that out.
      if (code === SESSION_OVER) changed();
      // What was missed may be gone; the page looks at everything anyway.
      if (tries > 1) cursor = '';
      again = setTimeout(open, Math.min(15_000, 500 * 2 ** tries++));
    });
  };
  open();
  return () => {
    stopped = true;
    clearInterval(poll);
    clearTimeout(again);
    socket?.close();
    become('off');
  };
}

/** @returns {Connection} */
export function useConnection() {
  const [now, set] = useState(connection);
  useEffect(() => {
    set(connection);
    watchers.add(set);
    return () => void watchers.delete(set);
  }, []);
  return now;
}

/** Whether somebody types, so that nothing may move under their hands. */
const typing = () => {
  const at = document.activeElement;
  return (
    at?.matches('textarea, select, input:not([type=search])') === true ||
    document.querySelector('dialog[open]') !== null
  );
};

/**
 * @template T
 * @typedef {object} Loaded
 * @property {T | undefined} data
 * @property {import('./api.js').Problem | undefined} problem what stood against the last look; `data` is then older
 * @property {number} at when `data` was right
 * @property {boolean} held whether something newer waits until nobody types
 * @property {() => Promise<void>} again looks at once, and shows what it finds
 */

/**
 * What a page shows: loaded anew whenever something happens, kept while that fails.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load @param {unknown[]} of what it depends on
 * @param {{ still?: boolean }} [options] `still`: only when asked
 * @returns {Loaded<T>}
 */
export function useData(load, of, { still = false } = {}) {
  const [state, set] = useState(
    /** @type {Omit<Loaded<T>, 'again'>} */ ({ data: undefined, problem: undefined, at: 0, held: false }),
  );
  const run = useRef(/** @type {(shows: boolean) => Promise<void>} */ (async () => {}));
  useEffect(() => {
    const ended = new AbortController();
    let seen = '';
    let busy = false;
    let more = false;
    set({ data: undefined, problem: undefined, at: 0, held: false });
    run.current = async (shows) => {
      if (busy && !shows) return void (more = true);
      busy = true;
      try {
        const data = await load(ended.signal);
        if (ended.signal.aborted) return;
        const text = JSON.stringify(data);
        if (!shows && seen !== '' && text !== seen && typing()) {
          set((s) => ({ ...s, held: true, problem: undefined }));
        } else {
          seen = text;
          set({ data, problem: undefined, at: Date.now(), held: false });
        }
      } catch (error) {
        if (!ended.signal.aborted) set((s) => ({ ...s, problem: problemOf(error) }));
      } finally {
        busy = false;
        if (more && !ended.signal.aborted) {
          more = false;
          void run.current(false);
        }
      }
    };
    void run.current(true);
    const hear = () => void run.current(false);
    if (!still) listeners.add(hear);
    return () => {
      ended.abort();
      listeners.delete(hear);
    };
  }, of);
  const again = useCallback(() => run.current(true), []);
  return { ...state, again };
}

/** The time, every few seconds, for spans that grow. */
export function useNow() {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
