import { html, useEffect, useState } from './dom.js';
import { get, problemOf, seg } from './api.js';
import { changesOf, draftOf, LISTS, mergeDrafts } from './draft.js';
import { useData } from './live.js';
import { go, to, useTitle } from './route.js';
import { COMPONENT_STATUSES, COMPONENT_TYPES, WORK_SUMMARY_MIN } from './terms.js';
import { announce, Fault, Field, Form, Heading, Shown, useWrite } from './ui.js';
import { plain, title } from './words.js';

/** @typedef {import('./draft.js').Draft} Draft */
/** @typedef {import('./draft.js').ReportView} ReportView */

/** @param {{ query: Record<string, string> }} props */
export function NewReport({ query }) {
  useTitle('Write a report');
  const write = useWrite();
  /** @param {Record<string, string>} v */
  const send = async (v) => {
    const made = await write('POST', '/reports', {
      body: { pipeline_id: v['pipeline_id'], task_id: v['task_id'], work_summary: v['work_summary'] },
    });
    announce('The report is there as a draft.');
    go(to('reports', made.report_id, 'edit'));
  };
  return html`<${Heading}>Write a report<//>
    <p>It begins as a draft, about a handoff that you are part of; then come its components, files and the rest.</p>
    <${Form}
      submit="Begin the draft"
      send=${send}
      onCancel=${() => go(to('reports'))}
      fields=${[
        { name: 'task_id', label: 'Handoff', required: true, value: query['task_id'] ?? '' },
        { name: 'pipeline_id', label: 'Session', required: true, value: query['pipeline_id'] ?? '' },
        {
          name: 'work_summary',
          label: 'What was done',
          kind: 'area',
          required: true,
          hint: `At least ${WORK_SUMMARY_MIN} characters by the time it is handed in.`,
        },
      ]}
    />`;
}

/** @param {{ id: string }} props */
export function EditReport({ id }) {
  useTitle(`Edit ${id}`);
  // Only once: nothing of others changes what is being typed.
  const from = useData((signal) => get(`/reports/${seg(id)}`, {}, signal), [id], { still: true });
  return html`<${Heading}>Edit ${id}<//>
    <${Shown} from=${from}>${(/** @type {ReportView} */ report) => html`<${Editor} report=${report} />`}<//>`;
}

/** @param {string} field */
const labelOf = (field) => field.split('.').map(title).join(': ');

/** @param {{ report: ReportView }} props */
function Editor({ report }) {
  const write = useWrite();
  const [base, setBase] = useState(() => ({ draft: draftOf(report), seq: report.seq }));
  const [draft, setDraft] = useState(base.draft);
  const [problem, setProblem] = useState(/** @type {import('./api.js').Problem | undefined} */ (undefined));
  const [met, setMet] = useState(
    /** @type {{ theirs: Draft, conflicts: string[], taken: string[] } | undefined} */ (undefined),
  );
  const [busy, setBusy] = useState(false);
  const dirty = Object.keys(changesOf(base.draft, draft)).length > 0;
  useEffect(() => {
    if (!dirty) return undefined;
    const ask = (/** @type {Event} */ event) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [dirty]);
  const path = `/reports/${seg(report.report_id)}`;
  const back = () => go(to('reports', report.report_id));
  /** @param {string} field @param {string} value */
  const put = (field, value) => setDraft((old) => ({ ...old, [field]: value }));

  const meet = async () => {
    const newer = /** @type {ReportView} */ (await get(path));
    if (newer.seq === base.seq) return false;
    const theirs = draftOf(newer);
    const { merged, conflicts, taken } = mergeDrafts(base.draft, draft, theirs);
    setBase({ draft: theirs, seq: newer.seq });
    setDraft(merged);
    setMet({ theirs, conflicts, taken });
    return true;
  };
  /** @param {Event} event */
  const save = async (event) => {
    event.preventDefault();
    if (!dirty) return back();
    setBusy(true);
    setProblem(undefined);
    try {
      await write('PUT', path, { body: changesOf(base.draft, draft), ifMatch: base.seq });
      announce('Saved.');
      back();
    } catch (error) {
      setProblem(problemOf(error));
      if (problemOf(error).status === 412) await meet().catch(() => false);
    } finally {
      setBusy(false);
    }
  };

  const field = (/** @type {string} */ name, /** @type {Partial<import('./ui.js').FieldOf>} */ more = {}) =>
    html`<${Field}
      field=${{ name, label: title(name), kind: 'area', ...more }}
      value=${draft[name] ?? ''}
      onInput=${(/** @type {string} */ v) => put(name, v)}
    />`;
  return html`<form onSubmit=${save}>
    ${field('work_summary', { required: true, label: 'What was done', hint: `${(draft['work_summary'] ?? '').trim().length} of at least ${WORK_SUMMARY_MIN} characters` })}
    <${ComponentRows} draft=${draft} put=${put} />
    <details>
      <summary>Achievements, lessons and lists — one a line</summary>
      ${LISTS.map((name) => field(name))}
    </details>
    <details>
      <summary>My own opinion, and a note</summary>
      ${field('quality_score', { kind: 'number', min: 0, max: 1, label: 'Quality, 0 to 1', hint: 'Nothing is decided by it.' })}
      ${field('test_coverage_percentage', { kind: 'number', min: 0, max: 100, label: 'Coverage, per cent' })}
      ${field('submission_notes')}
    </details>
    <${Fault} problem=${problem} />
    ${met ? html`<${Met} met=${met} draft=${draft} take=${(/** @type {string} */ f) => put(f, met.theirs[f] ?? '')} />` : null}
    <p class="buttons sticky">
      <button class="primary" disabled=${busy}>${busy ? '…' : met ? 'Save mine with theirs' : 'Save'}</button>
      <button type="button" onClick=${back}>${dirty ? 'Back without saving' : 'Back'}</button>
      ${dirty ? html`<small>Not saved yet.</small>` : null}
    </p>
  </form>`;
}

/** What somebody else has saved in the meantime. @param {{ met: { theirs: Draft, conflicts: string[], taken: string[] }, draft: Draft, take: (field: string) => void }} props */
function Met({ met: { theirs, conflicts, taken }, draft, take }) {
  const open = conflicts.filter((f) => draft[f] !== theirs[f]);
  return html`<div class="stale" role="status">
    <p>
      Somebody saved while you wrote. Yours is still
      here${taken.length > 0 ? `; taken from them, as you had not touched it: ${taken.map(labelOf).join(', ')}` : ''}.
    </p>
    ${open.map(
      (f) =>
        html`<div class="change">
          <strong>${labelOf(f)}</strong>, theirs:
          <p class="added">${theirs[f] || '(empty)'}</p>
          <button type="button" onClick=${() => take(f)}>Take theirs</button>
        </div>`,
    )}
  </div>`;
}

const SAID = COMPONENT_STATUSES.filter((s) => s !== 'verified');

/** @param {{ draft: Draft, put: (field: string, value: string) => void }} props */
function ComponentRows({ draft, put }) {
  /** @param {string} type @param {string} name */
  const of = (type, name) => ({
    'aria-label': `${plain(name)} of ${plain(type)}`,
    name: `${type}.${name}`,
    value: draft[`${type}.${name}`] ?? '',
    onInput: (/** @type {{ currentTarget: { value: string } }} */ e) => put(`${type}.${name}`, e.currentTarget.value),
  });
  return html`<section aria-labelledby="components">
    <h2 id="components">Components</h2>
    <table role="table" class="edit">
      <caption class="visually-hidden">
        The eight components
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${['Component', 'Status', 'Progress, %', 'Blockers, one a line', 'Notes'].map((h) => html`<th role="columnheader" scope="col">${h}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${COMPONENT_TYPES.map(
          (type) =>
            html`<tr role="row" key=${type}>
              <th role="rowheader" scope="row">${title(type)}</th>
              <td role="cell" data-head="Status">
                <select ...${of(type, 'status')}>
                  ${SAID.map((s) => html`<option value=${s} selected=${draft[`${type}.status`] === s}>${plain(s)}</option>`)}
                </select>
              </td>
              <td role="cell" data-head="Progress">
                <input type="number" min="0" max="100" ...${of(type, 'progress_percentage')} />
              </td>
              <td role="cell" data-head="Blockers"><textarea rows="1" ...${of(type, 'blockers')}></textarea></td>
              <td role="cell" data-head="Notes"><textarea rows="1" ...${of(type, 'notes')}></textarea></td>
            </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}
