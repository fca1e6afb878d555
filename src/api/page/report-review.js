import { html, useState } from './dom.js';
import { get, historyOf, seg } from './api.js';
import { REVIEW_COMMENTS_MIN, REVIEW_STATUSES, SIGN_OFF_ROLES } from './terms.js';
import { Act, Ago, announce, Badge, Form, REASON, Said, useWrite } from './ui.js';
import { plain, short, title } from './words.js';

/** @typedef {import('./report.js').ReportView} ReportView */
/** @typedef {import('../../core/report/view.js').SignOffView} SignOffView */
/** @typedef {import('../../core/report/view.js').HistoryEntry} HistoryEntry */

/** @param {string | undefined} text */
const lines = (text) =>
  (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

/**
 * What others did since a report was seen, where a write was refused for that.
 * @param {ReportView} seen @param {(newer: ReportView, since: HistoryEntry[]) => void} found
 * @returns {(problem: import('./api.js').Problem) => Promise<void>}
 */
const lookWhatChanged = (seen, found) => async (problem) => {
  if (problem.status !== 412 && problem.status !== 409) return;
  const id = seen.report_id;
  const [newer, history] = await Promise.all([get(`/reports/${seg(id)}`), historyOf(id)]).catch(() => []);
  if (newer && history && newer.seq !== seen.seq)
    found(
      newer,
      history.entries.filter((/** @type {HistoryEntry} */ e) => e.seq > seen.seq),
    );
};

/** @param {{ entries: HistoryEntry[] }} props */
const Since = ({ entries }) =>
  html`<div class="stale" role="status">
    <p>Meanwhile, others have changed it. What you typed is still here.</p>
    <ul>
      ${entries.map((e) => html`<li>${e.by}: ${plain(e.act.replace(/^report\./, ''))} <${Ago} at=${e.at} />${e.changes.length > 0 ? html` (${e.changes.map((c) => c.path).join(', ')})` : null}</li>`)}
    </ul>
    <p>Look at it, then send yours again.</p>
  </div>`;

/** Acts of a report that name what was seen; a refusal shows what changed, and the next try is about that. @param {ReportView} report */
function useSeen(report) {
  const [newer, set] = useState(/** @type {{ seq: number, since: HistoryEntry[] } | undefined} */ (undefined));
  const seen = newer && newer.seq > report.seq ? newer.seq : report.seq;
  return {
    seen,
    since: newer && newer.since.length > 0 ? newer.since : undefined,
    look: lookWhatChanged({ ...report, seq: seen }, (now, since) => set({ seq: now.seq, since })),
    done: () => set(undefined),
  };
}

/** @param {{ report: ReportView, again: () => void }} props */
export function ReviewForm({ report, again }) {
  const write = useWrite();
  const { seen, since, look, done } = useSeen(report);
  const finished = () => {
    done();
    announce('Your review is recorded.');
    again();
  };
  /** @param {Record<string, string>} v */
  const send = (v) =>
    write('POST', `/reports/${seg(report.report_id)}/review`, {
      ifMatch: seen,
      body: {
        review_status: v['review_status'],
        review_comments: v['review_comments'],
        ...(v['quality_score'] ? { quality_score: Number(v['quality_score']) / 100 } : {}),
        ...(lines(v['amendments']).length > 0 ? { amendments: lines(v['amendments']) } : {}),
      },
    });
  return html`<section aria-labelledby="review" class="card wait">
    <h2 id="review" tabindex="-1">Your review</h2>
    <p>
      Of version ${report.version}, <code>${short(report.digest)}</code>. Approved, it goes to sign-off; amendments send
      it back to ${report.author}; rejected, it is over.
    </p>
    <${Form}
      submit="Send the review"
      send=${send}
      onDone=${finished}
      onProblem=${look}
      fields=${[
        { name: 'review_status', label: 'Decision', kind: 'select', options: [...REVIEW_STATUSES], required: true },
        {
          name: 'review_comments',
          label: 'Comments',
          kind: 'area',
          required: true,
          min: REVIEW_COMMENTS_MIN,
          hint: `At least ${REVIEW_COMMENTS_MIN} characters.`,
        },
        { name: 'quality_score', label: 'Quality, 0 to 100', kind: 'number', min: 0, max: 100 },
        {
          name: 'amendments',
          label: 'What has to change, one a line',
          kind: 'area',
          hint: 'With “amendments required”.',
        },
      ]}
    >
      ${since ? html`<${Since} entries=${since} />` : null}
    <//>
  </section>`;
}

/**
 * @param {{ report: ReportView, session: import('./main.js').Session, signs: boolean, meets: boolean, revokes: boolean, again: () => void }} props
 */
export function SignOffs({ report, session, signs, meets, revokes, again }) {
  const { required_sign_offs: required, sign_offs: given, status } = report;
  if (status !== 'approved' && given.length === 0) {
    return html`<section aria-labelledby="sign-offs">
      <h2 id="sign-offs">Sign-offs</h2>
      <p class="empty">They come once it is approved. Required: ${required.map(plain).join(', ') || 'none'}.</p>
    </section>`;
  }
  const counting = new Set(given.filter((s) => s.counts).map((s) => s.sign_off_role));
  const missing = required.filter((role) => !counting.has(role));
  const roles = SIGN_OFF_ROLES.filter((role) => session.roles.includes(role));
  return html`<section aria-labelledby="sign-offs">
    <h2 id="sign-offs" tabindex="-1">Sign-offs</h2>
    <p>
      ${report.sign_off_status === 'complete' ? 'Complete.' : missing.length > 0 ? `Still missing: ${missing.map(plain).join(', ')}.` : 'A condition is still open.'}
    </p>
    ${given.map((s) => html`<${SignOffCard} key="${s.sign_off_role}/${s.at}" report=${report} signOff=${s} meets=${meets} revokes=${revokes} again=${again} />`)}
    ${signs && roles.length > 0 ? html`<${SignForm} report=${report} roles=${roles} missing=${missing} again=${again} />` : null}
    ${signs && roles.length === 0 ? html`<p class="empty">You have none of the roles that sign off.</p>` : null}
  </section>`;
}

/** @param {{ report: ReportView, roles: string[], missing: string[], again: () => void }} props */
function SignForm({ report, roles, missing, again }) {
  const write = useWrite();
  const { seen, since, look, done } = useSeen(report);
  /** @param {Record<string, string>} v */
  const send = (v) =>
    write('POST', `/reports/${seg(report.report_id)}/sign-off`, {
      ifMatch: seen,
      body: {
        sign_off_role: v['sign_off_role'],
        status:
          lines(v['conditions']).length > 0 && v['status'] === 'approved' ? 'conditionally_approved' : v['status'],
        ...(v['comments'] ? { comments: v['comments'] } : {}),
        ...(lines(v['conditions']).length > 0 ? { conditions: lines(v['conditions']) } : {}),
      },
    });
  const finished = () => {
    done();
    announce('Your sign-off is recorded.');
    again();
  };
  const mine = roles.toSorted((a, b) => Number(missing.includes(b)) - Number(missing.includes(a)));
  return html`<details open=${roles.some((r) => missing.includes(r))}>
    <summary>Sign off</summary>
    <p>
      You sign version ${report.version}, <code>${short(report.digest)}</code>: an edit of it dismisses what you signed.
    </p>
    <${Form}
      submit="Sign off"
      send=${send}
      onDone=${finished}
      onProblem=${look}
      fields=${[
        { name: 'sign_off_role', label: 'As', kind: 'select', options: mine, required: true },
        {
          name: 'status',
          label: 'Decision',
          kind: 'select',
          options: ['approved', 'conditionally_approved', 'rejected'],
          required: true,
        },
        {
          name: 'conditions',
          label: 'Conditions, one a line',
          kind: 'area',
          hint: 'It counts in full once each is marked as met.',
        },
        { name: 'comments', label: 'Comments', kind: 'area' },
      ]}
    >
      ${since ? html`<${Since} entries=${since} />` : null}
    <//>
  </details>`;
}

/** @param {{ report: ReportView, signOff: SignOffView, meets: boolean, revokes: boolean, again: () => void }} props */
function SignOffCard({ report, signOff: s, meets, revokes, again }) {
  const write = useWrite();
  const path = `/reports/${seg(report.report_id)}/sign-off/${s.sign_off_role}`;
  const over = s.ended !== undefined;
  return html`<article class="card ${over ? 'over' : ''}" aria-label="Sign-off as ${plain(s.sign_off_role)}">
    <p class="meta">
      <strong>${title(s.sign_off_role)}</strong> <${Badge} of=${s.status} /> <span>${s.by}</span> <${Ago} at=${s.at} />
      <span>${s.counts ? 'counts' : 'does not count'}</span>
      ${over ? null : html`<span>expires <${Ago} at=${s.expires_at} /></span>`}
    </p>
    ${s.ended ? html`<p class="note">Ended: ${plain(s.ended.why)}${s.ended.by ? ` by ${s.ended.by}` : ''} <${Ago} at=${s.ended.at} />${s.ended.reason ? html`: <${Said} inline text=${s.ended.reason} />` : null}</p>` : null}
    ${s.comments ? html`<${Said} text=${s.comments} />` : null}
    ${
      s.conditions.length > 0
        ? html`<ul class="choices">
            ${s.conditions.map(
              (c, n) =>
                html`<li>
                  ${c.met ? html`<span aria-hidden="true">✓</span>` : html`<span aria-hidden="true">○</span>`}
                  <span
                    ><${Said} inline text=${c.text} />
                    ${c.met ? html`<small> met, says ${c.met_by} <${Ago} at=${c.met_at} />${c.note ? html`: <${Said} inline text=${c.note} />` : null}</small>` : null}</span
                  >
                  ${
                    !c.met && !over && meets
                      ? html`<${Act}
                          label="Mark as met"
                          title="Mark as met"
                          says=${html`“${c.text}” is done: with the last one the sign-off counts in full.`}
                          done="The condition is met."
                          onDone=${again}
                          fields=${[{ name: 'note', label: 'How', kind: 'area' }]}
                          send=${(/** @type {Record<string, string>} */ v) => write('POST', `${path}/conditions/${n}/met`, { body: v['note'] ? { note: v['note'] } : {} })}
                        />`
                      : null
                  }
                </li>`,
            )}
          </ul>`
        : null
    }
    ${
      !over && revokes
        ? html`<p class="buttons">
            <${Act}
              label="Revoke"
              title="Revoke the sign-off as ${plain(s.sign_off_role)}"
              tone="danger quiet"
              says="It counts no more; another one is needed."
              done="The sign-off is revoked."
              onDone=${again}
              fields=${[REASON]}
              send=${(/** @type {Record<string, string>} */ v) => write('POST', `${path}/revoke`, { body: { reason: v['reason'] } })}
            />
          </p>`
        : null
    }
  </article>`;
}
