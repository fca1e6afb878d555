import { html, useId, useRef, useState } from './dom.js';
import { seg, urlOf } from './api.js';
import { COMPONENT_TYPES } from './terms.js';
import { Act, Ago, Badge, Form, Progress, Said, Table, useWrite } from './ui.js';
import { number, plain, short, size, title } from './words.js';

/** @typedef {import('./report.js').ReportView} ReportView */

/** @param {{ report: ReportView }} props */
export function Components({ report }) {
  const rows = COMPONENT_TYPES.map((type) => {
    const c = report.components[/** @type {import('../../core/report/report.js').ComponentType} */ (type)];
    const { test_results: tests } = c;
    const more = [
      c.code_review_status && `code review: ${c.code_review_status}`,
      c.security_review_status && `security review: ${c.security_review_status}`,
      c.dependencies?.length && `needs ${c.dependencies.map(plain).join(', ')}`,
    ].filter(Boolean);
    return {
      key: type,
      cells: [
        title(type),
        html`<${Badge} of=${c.status} />`,
        html`<${Progress} value=${c.progress_percentage} label="Progress of ${plain(type)}" />`,
        tests
          ? `${tests.passed ?? 0} passed, ${tests.failed ?? 0} failed${tests.coverage === undefined ? '' : `, ${tests.coverage} %`}`
          : '–',
        html`${c.notes ? html`<${Said} inline text=${c.notes} />` : null}
        ${c.blockers?.length ? html`<strong class="late">blocked: <${Said} inline text=${c.blockers.join('; ')} /></strong>` : null}
        ${more.length > 0 ? html` <small>${more.join('; ')}</small>` : null}`,
      ],
    };
  });
  return html`<section aria-labelledby="components">
    <h2 id="components">Components</h2>
    <${Table}
      caption="The eight components"
      head=${['Component', 'Status', 'Progress', 'Tests, its author says', 'Notes']}
      rows=${rows}
    />
  </section>`;
}

/** What is more than the author's word. @param {{ report: ReportView, enters: boolean, again: () => void }} props */
export function ReportFacts({ report, enters, again }) {
  const rows = report.facts.map((f) => ({
    key: f.id,
    cells: [
      title(f.component_type ?? 'the whole report'),
      f.tests ? `${f.tests.passed} of ${f.tests.run} passed${f.tests.failed ? `, ${f.tests.failed} failed` : ''}` : '–',
      f.coverage === undefined ? '–' : `${number(f.coverage, 1)} %`,
      f.verified ? html`<${Badge} of="verified" />` : '–',
      f.source.kind === 'file'
        ? html`${f.source.format} in ${f.source.attachment + ' '}
            <code title=${f.source.sha256}>${short(f.source.sha256)}</code>
            ${f.same_file_as ? html` <strong>the same file as ${f.same_file_as.join(', ')}</strong>` : null}`
        : `entered by ${f.source.by}`,
      html`${f.note ? html`<${Said} inline text=${f.note} /> ` : null}<${Ago} at=${f.at} />`,
    ],
  }));
  return html`<section aria-labelledby="facts">
    <h2 id="facts">Facts</h2>
    <${Table}
      caption="Facts: what was read from checked files or entered by a reviewer"
      head=${['About', 'Tests', 'Coverage', 'Verified', 'From', 'Note']}
      rows=${rows}
      empty="No facts yet: attach a JUnit, lcov, Cobertura or Istanbul file, or let a reviewer enter what they saw."
    />
    ${enters ? html`<${EnterFact} report=${report} again=${again} />` : null}
  </section>`;
}

/** @param {Record<string, string>} v */
function factOf(v) {
  const tests = v['run']
    ? { run: Number(v['run']), passed: Number(v['passed'] || 0), failed: Number(v['run']) - Number(v['passed'] || 0) }
    : undefined;
  return {
    ...(v['component_type'] ? { component_type: v['component_type'] } : {}),
    ...(tests ? { tests } : {}),
    ...(v['coverage'] ? { coverage: Number(v['coverage']) } : {}),
    ...(v['verified'] ? { verified: true } : {}),
    ...(v['note'] ? { note: v['note'] } : {}),
  };
}

/** @param {{ report: ReportView, again: () => void }} props */
function EnterFact({ report, again }) {
  const write = useWrite();
  return html`<p class="buttons">
    <${Act}
      label="Enter a fact"
      title="Enter a fact"
      done="The fact is entered."
      onDone=${again}
      says="What you have seen yourself counts towards automatic approval, with your name."
      fields=${[
        { name: 'component_type', label: 'Component', kind: 'select', options: COMPONENT_TYPES },
        { name: 'verified', label: 'I have seen it work', kind: 'check' },
        { name: 'run', label: 'Tests run', kind: 'number', min: 0 },
        { name: 'passed', label: 'of them passed', kind: 'number', min: 0 },
        { name: 'coverage', label: 'Coverage, per cent of lines', kind: 'number', min: 0, max: 100 },
        { name: 'note', label: 'Note', kind: 'area' },
      ]}
      send=${(/** @type {Record<string, string>} */ v) => write('POST', `/reports/${seg(report.report_id)}/facts`, { ifMatch: report.seq, body: factOf(v) })}
    />
  </p>`;
}

/** @param {{ report: ReportView, edits: boolean, again: () => void }} props */
export function Attachments({ report, edits, again }) {
  const write = useWrite();
  const path = `/reports/${seg(report.report_id)}/attachments`;
  const rows = report.attachments.map((a) => ({
    key: a.name,
    cells: [
      html`<a href=${urlOf(path, { name: a.name })} download=${a.name.split('/').at(-1)}>${a.name}</a>`,
      a.component_type ? plain(a.component_type) : '–',
      a.media_type,
      size(a.size),
      html`<code title=${a.sha256}>${short(a.sha256)}</code>`,
      edits
        ? html`<${Act}
            label="Take away"
            title="Take ${a.name} away"
            tone="danger"
            says="The file belongs to no later version; facts read from it count no more."
            done="${a.name} is taken away."
            onDone=${again}
            send=${() => write('DELETE', path, { query: { name: a.name }, ifMatch: report.seq })}
          />`
        : '',
    ],
  }));
  return html`<section aria-labelledby="attachments">
    <h2 id="attachments">Attachments</h2>
    <${Table}
      caption="Attachments"
      head=${['File', 'Proves', 'Type', 'Size', 'SHA-256', 'Do']}
      rows=${rows}
      empty="No files. Test results and coverage that are attached become facts."
    />
    ${edits ? html`<${Upload} path=${path} seq=${report.seq} again=${again} />` : null}
  </section>`;
}

/** By how a name ends, where the browser does not know. @type {Record<string, string>} */
const MEDIA = {
  xml: 'application/xml',
  json: 'application/json',
  md: 'text/markdown',
  info: 'text/plain',
  lcov: 'text/plain',
  gz: 'application/gzip',
};

/** @param {{ path: string, seq: number, again: () => void }} props */
function Upload({ path, seq, again }) {
  const write = useWrite();
  const [file, setFile] = useState(/** @type {File | undefined} */ (undefined));
  const id = useId();
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  // The next press does not send the same file again.
  const finished = () => {
    if (input.current) input.current.value = '';
    setFile(undefined);
    again();
  };
  /** @param {Record<string, string>} v */
  const send = async (v) => {
    if (!file) throw new Error('Choose a file first.');
    const type = file.type || MEDIA[file.name.split('.').at(-1)?.toLowerCase() ?? ''] || 'application/octet-stream';
    await write('PUT', path, {
      body: new Blob([file], { type }),
      query: { name: file.name, component_type: v['component_type'] },
      ifMatch: seq,
    });
  };
  return html`<details>
    <summary>Attach a file</summary>
    <${Form}
      submit="Attach"
      send=${send}
      onDone=${finished}
      fields=${[{ name: 'component_type', label: 'It proves something of', kind: 'select', options: COMPONENT_TYPES }]}
    >
      <p class="field">
        <label for=${id}>File</label
        ><input id=${id} ref=${input} type="file" required onChange=${(e) => setFile(e.currentTarget.files?.[0])} />
      </p>
    <//>
  </details>`;
}
