import { html } from './dom.js';
import { seg, urlOf } from './api.js';
import { Ago, announce, Badge, Form, Said, Empty, useWrite } from './ui.js';
import { plain, short, title } from './words.js';

/** @typedef {import('./report.js').ReportView} ReportView */
/** @typedef {import('../../core/report/view.js').ReportHistory} ReportHistory */
/** @typedef {import('../../core/report/view.js').HistoryEntry} HistoryEntry */

/** @param {unknown} value */
const textOf = (value) =>
  value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);

/** Where two texts begin and end alike. @param {string} a @param {string} b */
function differing(a, b) {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return { start, end };
}

const KEPT = 60;

/** One side, the differing part marked and what is alike around it shortened. @param {string} text @param {{ start: number, end: number }} at @param {string} tag */
function side(text, { start, end }, tag) {
  const before = text.slice(0, start);
  const after = end > 0 ? text.slice(text.length - end) : '';
  const mid = text.slice(start, text.length - end);
  return html`${before.length > KEPT ? `…${before.slice(-KEPT)}` : before}<${tag} class="mark">${mid}<//
    >${after.length > KEPT ? `${after.slice(0, KEPT)}…` : after}`;
}

/** What was there and what is. @param {{ change: HistoryEntry['changes'][number] }} props */
function Change({ change }) {
  const before = textOf(change.before);
  const after = textOf(change.after);
  const at = differing(before ?? '', after ?? '');
  return html`<div class="change">
    <code>${change.path || '/'}</code>
    ${before === undefined ? null : html`<p class="removed"><span class="visually-hidden">Before: </span><span aria-hidden="true">− </span>${side(before, at, 'del')}</p>`}
    ${after === undefined ? null : html`<p class="added"><span class="visually-hidden">After: </span><span aria-hidden="true">+ </span>${side(after, at, 'ins')}</p>`}
  </div>`;
}

/** Comments, and what happened, newest first. @param {{ report: ReportView, history: ReportHistory, comments: boolean, again: () => void }} props */
export function Discussion({ report, history, comments, again }) {
  const write = useWrite();
  const isComment = (/** @type {HistoryEntry} */ e) => e.act === 'report.comment';
  const said = history.entries.filter(isComment);
  const finished = () => {
    announce('Your comment is recorded.');
    again();
  };
  return html`<section aria-labelledby="comments">
      <h2 id="comments">Comments</h2>
      ${said.length === 0 ? html`<${Empty}>Nobody has commented yet.<//>` : null}
      ${said.map(
        (e) =>
          html`<article class="card" key=${e.seq} aria-label="Comment by ${e.by}">
            <p class="meta"><strong>${e.by}</strong> <${Ago} at=${e.at} /></p>
            <${Said} text=${e.note ?? ''} />
          </article>`,
      )}
      ${
        comments
          ? html`<${Form}
              submit="Comment"
              onDone=${finished}
              fields=${[{ name: 'text', label: 'Your comment', kind: 'area', required: true }]}
              send=${(/** @type {Record<string, string>} */ v) => write('POST', `/reports/${seg(report.report_id)}/comments`, { body: { text: v['text'] } })}
            />`
          : null
      }
    </section>
    <section aria-labelledby="history">
      <h2 id="history">History</h2>
      <ol class="history">
        ${history.entries.toReversed().map(
          (e) =>
            html`<li key=${e.seq} value=${e.seq}>
              <p class="meta">
                <strong>${title(e.act.replace(/^report\./, ''))}</strong> <span>${e.by}</span> <${Ago} at=${e.at} />
                <${Badge} of=${e.status} />
                <span>version ${e.version} <code title=${e.digest}>${short(e.digest)}</code></span>
              </p>
              ${e.note && !isComment(e) ? html`<${Said} text=${e.note} />` : null}
              ${
                e.changes.length > 0
                  ? html`<details open=${e.version === report.version && e.version > 1}>
                      <summary>${e.changes.length === 1 ? '1 change' : `${e.changes.length} changes`}</summary>
                      ${e.changes.map((c) => html`<${Change} change=${c} />`)}
                    </details>`
                  : null
              }
            </li>`,
        )}
      </ol>
      <p>
        <small
          >${history.versions.length === 1 ? 'One version' : `${history.versions.length} versions`}:
          ${history.versions.map((v) => html`<a href=${versionUrl(report.report_id, v.version)} target="_blank" rel="noopener">${v.version}</a> `)}
          — sign-offs are ${plain(report.sign_off_status)}.</small
        >
      </p>
    </section>`;
}

/** @param {string} id @param {number} version */
const versionUrl = (id, version) => urlOf(`/reports/${seg(id)}/versions/${version}`);
