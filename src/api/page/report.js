import { html, useState } from './dom.js';
import { get, historyOf, seg, urlOf } from './api.js';
import { changed, useData } from './live.js';
import { may } from './policy.js';
import { Attachments, Components, ReportFacts } from './report-parts.js';
import { Discussion } from './report-history.js';
import { ReviewForm, SignOffs } from './report-review.js';
import { to, useTitle } from './route.js';
import { Act, Ago, Badge, Facts, Heading, Progress, Said, Shown, useWrite } from './ui.js';
import { useSeenBy } from './waiting.js';
import { percent, plain, short, title } from './words.js';

/** @typedef {import('../../core/report/view.js').ReportView} ReportView */
/** @typedef {import('../../core/report/view.js').ReportHistory} ReportHistory */
/** @typedef {import('./main.js').Session} Session */

/** What one may do with this report, by the policy table. @param {ReportView} r @param {Session} session */
const rightsOf = (r, session) => {
  const relations = [r.author === session.agent ? 'owner' : 'not_owner'];
  return (/** @type {string} */ act) => may(act, session.roles, { relations, state: r.status });
};

/** @param {{ id: string, session: Session }} props */
export function ReportPage({ id, session }) {
  useTitle(id);
  useSeenBy(`report/${id}`, session);
  const from = useData(
    async (signal) => {
      const [report, history] = await Promise.all([get(`/reports/${seg(id)}`, {}, signal), historyOf(id, signal)]);
      return { report: /** @type {ReportView} */ (report), history };
    },
    [id],
  );
  const again = () => {
    changed();
    return from.again();
  };
  return html`<${Heading}>${id}<//>
    <${Shown} from=${from}
      >${({ report, history }) => html`<${Report} report=${report} history=${history} session=${session} again=${again} />`}<//
    >`;
}

/** @param {{ report: ReportView, history: ReportHistory, session: Session, again: () => void }} props */
function Report({ report: r, history, session, again }) {
  const can = rightsOf(r, session);
  const open = r.sign_offs.some((s) => s.counts && s.conditions.some((c) => !c.met));
  const done = r.status === 'approved' && r.sign_off_status === 'complete';
  return html`
    <p class="lead">
      <${Badge} of=${r.status} />
      <span
        >${r.waits_for ? html`<${Said} inline text=${r.waits_for.words} /> — since <${Ago} at=${r.waits_for.since} bare />` : done ? 'Approved, and every required sign-off is there: complete.' : 'It waits for nobody.'}</span
      >
    </p>
    <p class="buttons">
      ${can('report.edit') ? html`<a class="button" href=${to('reports', r.report_id, 'edit')}>Edit</a>` : null}
      ${can('report.submit') ? html`<${Submit} report=${r} again=${again} />` : null}
      ${can('report.review') ? html`<a class="button primary" href="#review" onClick=${jumpTo('review')}>Review</a>` : null}
      ${r.status === 'approved' && !done ? html`<a class="button" href="#sign-offs" onClick=${jumpTo('sign-offs')}>Sign-offs${open ? ' (condition open)' : ''}</a>` : null}
      ${['markdown', 'csv', 'json'].map((format) => html`<a class="button quiet" href=${urlOf(`/reports/${seg(r.report_id)}/export`, { format })} download="${r.report_id}.${format === 'markdown' ? 'md' : format}">${format}</a>`)}
    </p>
    <${Facts}
      of=${[
        ['Author', r.author],
        ['Progress', html`<${Progress} value=${r.overall_progress} label="Overall progress" />`],
        [
          'Verified',
          html`<span
            title="components ${percent(r.verified.components)}, tests ${percent(r.verified.tests)}, coverage ${percent(r.verified.coverage)}"
            >${percent(r.verified.score)}</span
          >`,
        ],
        ['Sign-offs', plain(r.sign_off_status)],
        ['Version', html`${r.version} <code title=${r.digest}>${short(r.digest)}</code>`],
        ['Handoff', html`<a href=${to('handoffs', r.task_id)}>${r.task_id}</a>`],
        ['Session', html`<a href="#/reports?pipeline_id=${encodeURIComponent(r.pipeline_id)}">${r.pipeline_id}</a>`],
        ['Handed in', r.submitted_at ? html`<${Ago} at=${r.submitted_at} /> (${r.submissions}×)` : 'not yet'],
        ['Review due', r.review_due_at ? html`<${Ago} at=${r.review_due_at} />` : undefined],
        ['Its author’s own score', r.quality_score === undefined ? undefined : percent(r.quality_score)],
        [
          'Its author’s own coverage',
          r.test_coverage_percentage === undefined ? undefined : `${r.test_coverage_percentage} %`,
        ],
      ]}
    />
    ${
      r.missing.length > 0
        ? html`<section class="card wait" aria-labelledby="missing">
            <h2 id="missing">Missing before it can be handed in</h2>
            <ul>
              ${r.missing.map((m) => html`<li><code>${m.path}</code> ${m.message}</li>`)}
            </ul>
          </section>`
        : null
    }
    ${
      r.findings.length > 0
        ? html`<section class="card wait" aria-labelledby="findings">
            <h2 id="findings">What validation found</h2>
            <ul>
              ${r.findings.map((f) => html`<li><${Said} inline text=${f} /></li>`)}
            </ul>
          </section>`
        : null
    }
    ${
      r.escalations.length > 0
        ? html`<p class="note">
            Escalated: ${r.escalations.map((e) => html`<span>to ${e.to} <${Ago} at=${e.at} /> </span>`)}
          </p>`
        : null
    }
    <section aria-labelledby="summary">
      <h2 id="summary">What was done</h2>
      <${Said} text=${r.work_summary} />
      ${LISTS.map(([name, label]) => {
        const list = /** @type {string[] | undefined} */ (r[name]);
        return list?.length
          ? html`<h3>${label}</h3>
              <ul>
                ${list.map((text) => html`<li><${Said} inline text=${text} /></li>`)}
              </ul>`
          : null;
      })}
      ${
        r.submission_notes
          ? html`<h3>With the submission</h3>
              <${Said} text=${r.submission_notes} />`
          : null
      }
    </section>
    <${Components} report=${r} />
    <${ReportFacts} report=${r} enters=${can('report.enter_fact')} again=${again} />
    <${Attachments} report=${r} edits=${can('report.edit')} again=${again} />
    <${Reviews} report=${r} />
    ${can('report.review') ? html`<${ReviewForm} report=${r} again=${again} />` : null}
    <${SignOffs}
      report=${r}
      session=${session}
      signs=${can('report.sign_off')}
      meets=${can('report.meet_condition')}
      revokes=${can('report.revoke_sign_off')}
      again=${again}
    />
    <${Discussion} report=${r} history=${history} comments=${can('report.comment')} again=${again} />
  `;
}

/** @type {[keyof ReportView, string][]} */
const LISTS = [
  ['achievements', 'Achievements'],
  ['challenges_encountered', 'Challenges'],
  ['lessons_learned', 'Lessons'],
  ['components_implemented', 'Components implemented'],
  ['apis_integrated', 'APIs integrated'],
  ['services_configured', 'Services configured'],
  ['tests_written', 'Tests written'],
  ['documentation_created', 'Documentation'],
];

/** To a part of this page, the address left as it is. @param {string} id */
const jumpTo = (id) => (/** @type {Event} */ event) => {
  event.preventDefault();
  const at = document.getElementById(id);
  at?.scrollIntoView();
  at?.focus({ preventScroll: true });
};

/** @param {{ report: ReportView, again: () => void }} props */
function Submit({ report: r, again }) {
  const write = useWrite();
  const says =
    r.missing.length > 0
      ? `It would be refused: ${r.missing.map((m) => `${m.path} ${m.message}`).join('; ')}`
      : 'It is handed in for review, as version ' + r.version + '. Reviewers are told.';
  return html`<${Act}
    label="Submit"
    title="Submit ${r.report_id}"
    tone="primary"
    says=${says}
    done="${r.report_id} is handed in."
    fields=${[{ name: 'submission_notes', label: 'A note for the reviewer', kind: 'area' }]}
    onDone=${again}
    send=${(/** @type {Record<string, string>} */ v) => write('POST', `/reports/${seg(r.report_id)}/submit`, { ifMatch: r.seq, body: v['submission_notes'] ? { submission_notes: v['submission_notes'] } : {} })}
  />`;
}

/** @param {{ report: ReportView }} props */
function Reviews({ report: { reviews } }) {
  const [old, setOld] = useState(false);
  const current = reviews.filter((r) => r.current).toReversed();
  const before = reviews.filter((r) => !r.current).toReversed();
  if (reviews.length === 0) return null;
  return html`<section aria-labelledby="reviews">
    <h2 id="reviews">Reviews</h2>
    ${[...current, ...(old ? before : [])].map(
      (r) =>
        html`<article class="card" aria-label="Review by ${r.by}">
          <p class="meta">
            <${Badge} of=${r.review_status} /> <span>${r.automatic ? 'automatic' : r.by}</span>
            <${Ago} at=${r.at} />
            ${r.quality_score === undefined ? null : html`<span>quality ${percent(r.quality_score)}</span>`}
            ${r.current ? null : html`<span>of an earlier version (${short(r.digest)})</span>`}
          </p>
          <${Said} text=${r.review_comments} />
          ${
            r.amendments?.length
              ? html`<p>To amend:</p>
                  <ul>
                    ${r.amendments.map((a) => html`<li><${Said} inline text=${a} /></li>`)}
                  </ul>`
              : null
          }
        </article>`,
    )}
    ${before.length > 0 && !old ? html`<p><button type="button" class="quiet" onClick=${() => setOld(true)}>${title(`${before.length} of earlier versions`)}</button></p>` : null}
  </section>`;
}
