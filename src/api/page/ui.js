import { html, useId, useLayoutEffect, useRef, useState } from './dom.js';
import { call, nextOf, problemOf } from './api.js';
import { useNow } from './live.js';
import { millis, plain, span, toneOf } from './words.js';

/** Says something to who does not see it. @param {string} text */
export function announce(text) {
  const live = document.querySelector('#live');
  if (live) live.textContent = text;
}

/** @param {{ of: string }} props */
export function Badge({ of }) {
  const { tone, sign } = toneOf(of);
  return html`<span class="badge ${tone}"><span aria-hidden="true">${sign}</span> ${plain(of)}</span>`;
}

/** When, and how long ago. @param {{ at: string | number | undefined, bare?: boolean }} props */
export function Ago({ at, bare = false }) {
  const now = useNow();
  if (at === undefined || at === null) return html`<span>–</span>`;
  const date = new Date(millis(at));
  if (Number.isNaN(date.getTime())) return html`<span>–</span>`;
  const away = now - date.getTime();
  const said = away < -1000 ? `in ${span(-away)}` : `${span(away)}${bare ? '' : ' ago'}`;
  return html`<time datetime=${date.toISOString()} title=${date.toLocaleString()}>${said}</time>`;
}

const LINK = /\bhttps?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/g;

/**
 * What somebody wrote: text, its lines kept, addresses of the web made links and nothing else.
 * @param {{ text: unknown, inline?: boolean }} props
 */
export function Said({ text, inline = false }) {
  const whole = typeof text === 'string' ? text : text === undefined ? '' : JSON.stringify(text, undefined, 2);
  /** @type {unknown[]} */
  const parts = [];
  let from = 0;
  for (const { 0: address, index } of whole.matchAll(LINK)) {
    parts.push(whole.slice(from, index));
    parts.push(html`<a href=${address} target="_blank" rel="noopener noreferrer nofollow">${address}</a>`);
    from = index + address.length;
  }
  parts.push(whole.slice(from));
  return inline ? html`<span class="said">${parts}</span>` : html`<p class="said">${parts}</p>`;
}

/** @param {{ value: number, label: string }} props */
export function Progress({ value, label }) {
  return html`<span class="progress"
    ><progress max="100" value=${value} aria-label=${label}></progress> <span>${Math.round(value)} %</span></span
  >`;
}

/** An error: its code, what it says, and what to do. @param {{ problem: import('./api.js').Problem | undefined }} props */
export function Fault({ problem }) {
  if (!problem) return null;
  return html`<div class="fault" role="alert">
    <p><strong>${problem.code}</strong> ${problem.detail}</p>
    ${
      problem.errors?.length
        ? html`<ul>
            ${problem.errors.map((e) => html`<li><code>${e.path}</code> ${e.message}</li>`)}
          </ul>`
        : null
    }
    ${nextOf(problem) ? html`<p>${nextOf(problem)}</p>` : null}
  </div>`;
}

/** Nothing there, and what to do then. @param {{ children?: unknown }} props */
export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

/**
 * What was loaded, or why not; old data stay and are marked.
 * @template T
 * @param {{ from: import('./live.js').Loaded<T>, children: (data: T) => unknown }} props
 */
export function Shown({ from, children }) {
  const { data, problem, at, held, again } = from;
  if (data === undefined)
    return problem ? html`<${Fault} problem=${problem} />` : html`<p class="loading">Loading …</p>`;
  return html`
    ${
      problem
        ? html`<div class="stale">
            <p>This is from <${Ago} at=${at} />.</p>
            <${Fault} problem=${problem} />
          </div>`
        : null
    }
    ${
      held
        ? html`<p class="held" role="status">
            Something changed here while you typed. <button type="button" onClick=${again}>Show it</button>
          </p>`
        : null
    }
    ${children(data)}
  `;
}

/**
 * A table that becomes cards where it is narrow; roles stand there because `display` takes them away.
 * @param {{ caption: string, head: string[], rows: { key: string, cells: unknown[] }[], empty?: unknown }} props
 */
export function Table({ caption, head, rows, empty }) {
  if (rows.length === 0) return html`<${Empty}>${empty ?? 'Nothing.'}<//>`;
  return html`<table role="table">
    <caption class="visually-hidden">
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${head.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        ({ key, cells }) =>
          html`<tr role="row" key=${key}>
            ${cells.map((cell, i) =>
              i === 0
                ? html`<th role="rowheader" scope="row" data-head=${head[i]}>${cell}</th>`
                : html`<td role="cell" data-head=${head[i]}><span>${cell}</span></td>`,
            )}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/**
 * A window over the page: the browser keeps the focus in it, ends it with Escape and brings the focus back.
 * @param {{ title: string, onClose: () => void, children?: unknown }} props
 */
export function Dialog({ title, onClose, children }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  // Before it is painted: the first key belongs to it.
  useLayoutEffect(() => {
    const dialog = ref.current;
    const opener = document.activeElement;
    dialog?.showModal();
    return () => {
      // While it is open, nothing outside of it takes the focus.
      dialog?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${ref} aria-labelledby=${id} onCancel=${cancel}>
    <h2 id=${id}>${title}</h2>
    ${children}
  </dialog>`;
}

/**
 * @typedef {object} FieldOf
 * @property {string} name
 * @property {string} label
 * @property {'text' | 'area' | 'number' | 'select' | 'check'} [kind]
 * @property {string[]} [options]
 * @property {string} [hint]
 * @property {boolean} [required]
 * @property {number} [min] of a number its least, of a text its least length
 * @property {number} [max]
 * @property {string} [value]
 */

/** @param {{ field: FieldOf, value: string, onInput: (value: string) => void }} props */
export function Field({ field, value, onInput }) {
  const { name, label, kind = 'text', options = [], hint, required = false, min, max } = field;
  const id = useId();
  const hintId = `${id}-h`;
  const typed = (/** @type {{ currentTarget: { value: string } }} */ event) => onInput(event.currentTarget.value);
  const common = { id, name, required, 'aria-describedby': hint ? hintId : undefined, onInput: typed };
  const least = kind === 'text' || kind === 'area' ? { minLength: min } : { min, max, step: 'any' };
  if (kind === 'check') {
    const tick = (/** @type {{ currentTarget: { checked: boolean } }} */ event) =>
      onInput(event.currentTarget.checked ? 'yes' : '');
    return html`<p class="field">
      <label for=${id}><input id=${id} type="checkbox" checked=${value === 'yes'} onChange=${tick} /> ${label}</label>
    </p>`;
  }
  return html`<p class="field">
    <label for=${id}>${label}${required ? '' : html` <small>(optional)</small>`}</label>
    ${
      kind === 'area'
        ? html`<textarea ...${common} ...${least} rows="3" value=${value}></textarea>`
        : kind === 'select'
          ? html`<select ...${common} value=${value}>
              ${required ? null : html`<option value="">–</option>`}
              ${options.map((o) => html`<option value=${o} selected=${o === value}>${plain(o)}</option>`)}
            </select>`
          : html`<input ...${common} ...${least} type=${kind} value=${value} autocomplete="off" />`
    }
    ${hint ? html`<small id=${hintId}>${hint}</small>` : null}
  </p>`;
}

/** `randomUUID` is there only over TLS and on this machine. @param {Crypto} from */
const idOf = (from) =>
  [...from.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');

/** One key for the same words sent again: what was cut off is not done twice. */
export function useWrite() {
  const last = useRef({ of: '', key: '' });
  /** @param {string} method @param {string} path @param {import('./api.js').CallOptions} [options] */
  return async (method, path, options = {}) => {
    const { body } = options;
    const said = body instanceof Blob ? [body.size, body.type] : body;
    const of = JSON.stringify([method, path, options.query, said, options.ifMatch]);
    if (last.current.of !== of) last.current = { of, key: idOf(crypto) };
    const answered = () => (last.current = { of: '', key: '' });
    try {
      const answer = await call(method, path, { ...options, key: last.current.key });
      answered();
      return answer;
    } catch (error) {
      // What was refused was heard: said again it is another try.
      const { status } = problemOf(error);
      if (status > 0 && status < 500) answered();
      throw error;
    }
  };
}

/**
 * Fields and a button. A failure leaves what was typed, and stands beside it.
 * @param {{ fields: FieldOf[], submit: string, send: (values: Record<string, string>) => Promise<unknown>,
 *   onDone?: () => void, onCancel?: () => void, onProblem?: (problem: import('./api.js').Problem) => void, tone?: string, children?: unknown }} props
 */
export function Form({ fields, submit, send, onDone, onCancel, onProblem, tone = '', children }) {
  const fresh = () =>
    Object.fromEntries(
      fields.map((f) => [f.name, f.value ?? (f.kind === 'select' && f.required ? (f.options?.[0] ?? '') : '')]),
    );
  const [values, set] = useState(fresh);
  const [problem, setProblem] = useState(/** @type {import('./api.js').Problem | undefined} */ (undefined));
  const [busy, setBusy] = useState(false);
  const submitted = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await send(values);
      set(fresh());
      onDone?.();
    } catch (error) {
      const own = problemOf(error);
      setProblem(own);
      onProblem?.(own);
    } finally {
      setBusy(false);
    }
  };
  return html`<form onSubmit=${submitted}>
    ${fields.map((field) => html`<${Field} key=${field.name} field=${field} value=${values[field.name] ?? ''} onInput=${(v) => set((old) => ({ ...old, [field.name]: v }))} />`)}
    ${children}
    <${Fault} problem=${problem} />
    <p class="buttons">
      <button class="primary ${tone}" disabled=${busy}>${busy ? '…' : submit}</button>
      ${onCancel ? html`<button type="button" onClick=${onCancel}>Back</button>` : null}
    </p>
  </form>`;
}

/**
 * A button that asks first: what will happen, why, and only then does it.
 * @param {{ label: string, title: string, says: unknown, fields?: FieldOf[], tone?: string,
 *   send: (values: Record<string, string>) => Promise<unknown>, done: string, onDone?: () => void }} props
 */
export function Act({ label, title, says, fields = [], tone = '', send, done, onDone }) {
  const [open, set] = useState(false);
  const close = () => set(false);
  const finished = () => {
    close();
    announce(done);
    onDone?.();
  };
  return html`<button type="button" class=${tone} onClick=${() => set(true)}>${label}</button> ${
      open
        ? html`<${Dialog} title=${title} onClose=${close}>
            <p>${says}</p>
            <${Form} fields=${fields} submit=${label} tone=${tone} send=${send} onDone=${finished} onCancel=${close} />
          <//>`
        : null
    }`;
}

/** A heading that the page's focus goes to. @param {{ children?: unknown }} props */
export const Heading = ({ children }) => html`<h1 tabindex="-1">${children}</h1>`;

/** Name and value, side by side. @param {{ of: [string, unknown][] }} props */
export const Facts = ({ of }) =>
  html`<dl class="facts">
    ${of
      .filter(([, v]) => v !== undefined && v !== null)
      .map(
        ([k, v]) =>
          html`<div>
            <dt>${k}</dt>
            <dd>${v}</dd>
          </div>`,
      )}
  </dl>`;

export const REASON = {
  name: 'reason',
  label: 'Why',
  kind: /** @type {const} */ ('area'),
  required: true,
  hint: 'It is kept on record, with your name.',
};
