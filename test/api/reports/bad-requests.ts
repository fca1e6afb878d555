import { SIGN_OFF_ROLES } from '../../../src/core/report/report.js';
import type { Bad } from './bad-bodies.js';
import { SUMMARY } from './service.js';

type Task = { pipeline_id: string; task_id: string };

const CHUNKED: Record<string, string> = { 'transfer-encoding': 'chunked' };
const BAD_IDS = [
  '%00',
  '..%2f..%2fetc',
  '%2e%2e%2f%2e%2e%2fpasswd',
  '..%5c..%5cboot.ini',
  'a%2fb',
  '.hidden',
  '-dash',
  'a%20b',
  'a%0d%0aSet-Cookie:%20x=1',
  'x'.repeat(129),
  '%F0%9F%92%A5',
  "a'%20OR%201=1--",
  '<script>',
  '*',
  '%ff%fe',
  'a%',
];
const BAD_NAMES = [
  '',
  '/',
  '/etc/passwd',
  '../up.txt',
  'a/../b.txt',
  'a/./b.txt',
  'a//b.txt',
  'a/',
  '..',
  '.',
  'C:\\x.txt',
  'a\\..\\b.txt',
  'nul\0.txt',
  'line\nbreak.txt',
  'x'.repeat(501),
];

/** What is wrong with something else than a field of a body. */
export function badRequests(id: string, task: Task): Bad[] {
  const create = { ...task, work_summary: SUMMARY };
  const json = { 'content-type': 'application/json' };
  const post = (kind: string, raw: string | Buffer, headers: Record<string, string> = json, status?: number): Bad => ({
    kind,
    method: 'POST',
    path: '/reports',
    raw,
    headers,
    ...(status ? { status } : {}),
  });
  const get = (kind: string, path: string, at?: string, status?: Bad['status']): Bad => ({
    kind,
    method: 'GET',
    path,
    ...(at === undefined ? {} : { at }),
    ...(status ? { status } : {}),
  });
  const text = JSON.stringify(create);
  const writes = [
    ['PUT', `/reports/${id}`],
    ['POST', `/reports/${id}/submit`],
    ['POST', `/reports/${id}/review`],
    ['POST', `/reports/${id}/sign-off`],
    ['POST', `/reports/${id}/comments`],
    ['POST', `/reports/${id}/facts`],
    ['PUT', `/reports/${id}/components/api_contracts`],
  ] as const;
  return [
    ...['{', '{"a":1,}', "{'a':1}", '{"a":1}{', 'nothing', '{a:1}', '// x\n{}', '[1,2', '"open', `${text},`].map(
      (raw) => post('JSON that is none', raw),
    ),
    ...[[0xff, 0xfe], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf5, 0x80, 0x80, 0x80]].flatMap((bytes) =>
      // With its length, and in chunks without.
      [{}, CHUNKED].map((more) => post('bytes that are no UTF-8', spliced(text, SUMMARY, bytes), { ...json, ...more })),
    ),
    ...[
      text.replace('{', '{"work_summary":"the first of two, which is lost without a word",'),
      text.replace(/\}$/, ',"components":{"api_contracts":{},"api_contracts":{}}}'),
      text.replace(/\}$/, ',"achievements":["a"],"achievements":["b"]}'),
      text.replace(/\}$/, String.raw`,"quality_score":1,"quality\u005fscore":0}`),
    ].map((raw) => post('a field twice', raw)),
    ...['[]', '[{}]', '"text"', '7', 'true', 'null'].flatMap((raw) => [
      post('no object', raw),
      ...writes.map(([method, path]) => ({ ...post('no object', raw), method, path })),
    ]),
    post('an empty body', ''),
    ...writes.flatMap(([method, path]) => [
      { ...post('an empty body', ''), method, path },
      { kind: 'no body', method, path },
    ]),
    ...[
      ['{"components":', 5000],
      ['[', 50_000],
      ['{"components":{"api_contracts":', 80],
      ['{"achievements":[', 200],
    ].map(([opening, times]) => post('nested too deep', String(opening).repeat(Number(times)))),
    ...[
      'text/plain',
      'application/xml',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'json',
      '',
    ].map((type) => post('a content type that is not taken', text, { 'content-type': type }, 415)),
    ...writes.map(([method, path]) => ({
      ...post('a content type that is not taken', text, { 'content-type': 'text/yaml' }, 415),
      method,
      path,
    })),
    post('too large', JSON.stringify({ ...create, work_summary: 'x'.repeat(300_000) }), json, 413),
    post('too large', JSON.stringify({ ...create, lessons_learned: ['x'.repeat(300_000)] }), json, 413),
    { ...post('too large', JSON.stringify({ text: 'x'.repeat(300_000) }), json, 413), path: `/reports/${id}/comments` },
    ...BAD_IDS.flatMap((bad) => [
      get('an id that is none', `/reports/${bad}`, undefined, [400, 404]),
      get('an id that is none', `/reports/${bad}/history`, undefined, [400, 404]),
      { ...post('an id that is none', '{}', json), path: `/reports/${bad}/submit`, status: [400, 404] as const },
    ]),
    ...BAD_IDS.map((bad) => ({
      kind: 'an id that is none',
      method: 'POST',
      path: '/reports',
      body: { ...create, report_id: safely(bad) },
      at: '/report_id',
    })),
    ...BAD_NAMES.flatMap((name) => [
      {
        kind: 'a name that leaves the folder',
        method: 'PUT',
        path: `/reports/${id}/attachments?name=${encodeURIComponent(name)}`,
        raw: 'x',
        headers: { 'content-type': 'text/plain' },
        at: 'name',
      },
      get('a name that leaves the folder', `/reports/${id}/attachments?name=${encodeURIComponent(name)}`, 'name'),
    ]),
    ...[
      'text',
      'text/',
      'image/svg+xml',
      'application/x-sh',
      'video/mp4',
      'application/jsonx',
      'x/y',
      'application/java-archive',
    ].map((type) => ({
      kind: 'an attachment of a type that is not taken',
      method: 'PUT',
      path: `/reports/${id}/attachments?name=a.bin`,
      raw: 'x',
      headers: { 'content-type': type },
      status: 415,
    })),
    {
      kind: 'an attachment of a type that is not taken',
      method: 'PUT',
      path: `/reports/${id}/attachments?name=a`,
      raw: 'x',
      status: 415,
    },
    {
      kind: 'too large',
      method: 'PUT',
      path: `/reports/${id}/attachments?name=a.bin`,
      raw: Buffer.alloc(300_000),
      headers: { 'content-type': 'application/octet-stream' },
      status: 413,
    },
    {
      kind: 'an unknown component',
      method: 'PUT',
      path: `/reports/${id}/attachments?name=a&component_type=api`,
      raw: 'x',
      headers: { 'content-type': 'text/plain' },
      at: 'component_type',
    },
    get('a missing parameter', `/reports/${id}/attachments`, 'name'),
    { kind: 'a missing parameter', method: 'DELETE', path: `/reports/${id}/attachments`, at: 'name' },
    {
      kind: 'a missing parameter',
      method: 'PUT',
      path: `/reports/${id}/attachments`,
      raw: 'x',
      headers: { 'content-type': 'text/plain' },
      at: 'name',
    },
    ...['nonsense', '0', '%00', 'eyJ9', 'a'.repeat(501), '{}', '-1', "'"].map((c) =>
      get('a cursor that is none', `/reports?cursor=${c}`, undefined),
    ),
    ...['0', '-1', '201', '1.5', 'ten', '', 'NaN', '1e9', '99999999999999999999', '%F0%9F%92%A5'].map((l) =>
      get('a limit that is none', `/reports?limit=${l}`, 'limit'),
    ),
    get('a parameter twice', '/reports?limit=1&limit=2', 'limit'),
    get('a parameter twice', '/reports?status=draft&status=approved', 'status'),
    ...['DRAFT', 'done', '', 'draft,approved'].flatMap((s) => [
      get('an unknown status', `/reports?status=${s}`, 'status'),
      get('an unknown status', `/reports/export?status=${s}`, 'status'),
    ]),
    ...[
      '/reports',
      `/reports/${id}`,
      `/reports/${id}/history`,
      '/dashboard',
      '/statistics',
      '/components/status',
    ].flatMap((p) => [get('an unknown parameter', `${p}?surprise=1`), get('an unknown parameter', `${p}?__proto__=1`)]),
    ...['xml', 'JSON', '', 'pdf', '../csv'].flatMap((f) => [
      get('an unknown format', `/reports/${id}/export?format=${f}`, 'format'),
      get('an unknown format', `/reports/export?format=${f}`, 'format'),
    ]),
    ...['yes', '1', '', 'TRUE'].flatMap((f) =>
      ['/dashboard', '/statistics', '/components/status'].map((p) =>
        get('a flag that is none', `${p}?force_refresh=${f}`, 'force_refresh'),
      ),
    ),
    ...['-1', 'one', '1.5', '', '1e3', '9999999'].map((n) =>
      get('a version that is none', `/reports/${id}/versions/${n}`, undefined, [400, 404]),
    ),
    ...['7', '999999', '0'].map((n) =>
      get('a version that is not there', `/reports/${id}/versions/${n}`, undefined, 404),
    ),
    ...['api', 'API_CONTRACTS', 'api-contracts', '__proto__', 'constructor', 'toString', '8'].map((c) => ({
      ...post('an unknown component', '{}'),
      method: 'PUT',
      path: `/reports/${id}/components/${c}`,
      at: 'component_type',
    })),
    ...['reviewer', 'admin', 'DEVELOPER', 'constructor', 'cto'].flatMap((role) => [
      { ...post('an unknown role', '{"reason":"x"}'), path: `/reports/${id}/sign-off/${role}/revoke`, at: 'role' },
      { ...post('an unknown role', '{}'), path: `/reports/${id}/sign-off/${role}/conditions/0/met`, at: 'role' },
    ]),
    ...['-1', 'first', '1.5', '0x1', '12345678'].map((n) => ({
      ...post('a condition that is none', '{}'),
      path: `/reports/${id}/sign-off/${SIGN_OFF_ROLES[0]}/conditions/${n}/met`,
      at: 'condition',
    })),
    ...['3', '"', 'W/', '"a" "b"', '""x', ',', '"1", nonsense'].flatMap((tag) =>
      writes.slice(0, 3).map(([method, path]) => ({
        ...post('an If-Match that is none', bodyFor(path), { ...json, 'if-match': tag }),
        method,
        path,
        at: 'if-match',
      })),
    ),
    ...['W/"1"', '"x"', '"-1"', '"1e3"', '"99999999999999999999"', '"4711"'].map((tag) => ({
      ...post('an If-Match of something else', '{"quality_score":0.123}', { ...json, 'if-match': tag }, 412),
      method: 'PUT',
      path: `/reports/${id}`,
    })),
    ...['3', '"', 'x"y"'].map((tag) => ({
      ...get('an If-None-Match that is none', `/reports/${id}`, 'if-none-match'),
      headers: { 'if-none-match': tag },
    })),
    ...['a b', 'x'.repeat(201), 'caf\u00e9', ''].map((key) => ({
      ...post('an Idempotency-Key that is none', text, { ...json, 'idempotency-key': key }),
      at: 'idempotency-key',
    })),
    ...[
      ['DELETE', '/reports'],
      ['PATCH', `/reports/${id}`],
      ['DELETE', `/reports/${id}`],
      ['GET', `/reports/${id}/submit`],
      ['PUT', `/reports/${id}/review`],
      ['DELETE', `/reports/${id}/sign-off`],
      ['POST', `/reports/${id}/history`],
      ['POST', '/statistics'],
      ['PUT', '/dashboard'],
      ['DELETE', '/components/status'],
      ['POST', '/reports/export'],
      ['PATCH', `/reports/${id}/components/api_contracts`],
    ].map(([method = '', path = '']) => ({ kind: 'a method that is not there', method, path, status: [404, 405] })),
    ...[
      '/report',
      `/reports/${id}/nothing`,
      `/reports/${id}/versions`,
      '/Reports',
      `/reports/${id}/sign-off/developer`,
    ].map((path) => get('a path that is not there', path, undefined, [404, 405])),
    ...['r-not-there', 'R', 'x'.repeat(128), '0'].flatMap((there) => [
      get('a report that is not there', `/reports/${there}`, undefined, 404),
      get('a report that is not there', `/reports/${there}/history`, undefined, 404),
      get('a report that is not there', `/reports/${there}/export?format=csv`, undefined, 404),
      get('a report that is not there', `/reports/${there}/attachments?name=a.txt`, undefined, 404),
      { ...post('a report that is not there', '{}', json, 404), path: `/reports/${there}/submit` },
      { ...post('a report that is not there', '{"text":"Good."}', json, 404), path: `/reports/${there}/comments` },
      { ...post('a report that is not there', '{}', json, 404), method: 'PUT', path: `/reports/${there}` },
    ]),
    ...[
      { task_id: 'h-not-there' },
      { task_id: 'H' },
      { pipeline_id: 's-not-there' },
      { pipeline_id: 'S' },
      { task_id: 'h-not-there', pipeline_id: 's-not-there' },
    ].map((over) => ({
      ...post('a session or handoff that is not there', JSON.stringify({ ...create, ...over })),
      status: [400, 404],
    })),
    ...(
      [
        [{ run: 3, passed: 1, failed: 1 }, '/tests'],
        [{ run: -1, passed: 0, failed: 0 }, '/tests/run'],
        [{ run: 1.5, passed: 1, failed: 0 }, '/tests/run'],
        [{ run: 1, passed: 1 }, '/tests/failed'],
        [{ run: 1, passed: 1, failed: 0, extra: 1 }, '/tests'],
      ] as [object, string][]
    ).map(([tests, at]) => ({
      ...post('tests that do not add up', JSON.stringify({ tests })),
      path: `/reports/${id}/facts`,
      at,
    })),
    ...['{}', '{"note":"only words"}', '{"component_type":"api_contracts"}'].map((raw) => ({
      ...post('a fact that says nothing', raw),
      path: `/reports/${id}/facts`,
    })),
  ];
}

/** What a path would say; of those in a body no part is encoded. */
function safely(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

const bodyFor = (path: string): string =>
  path.endsWith('/review') ? '{"review_status":"approved","review_comments":"As I have seen it."}' : '{}';

/** A text in UTF-8, with some other bytes after one of its parts. */
function spliced(text: string, part: string, bytes: readonly number[]): Buffer {
  const [before = '', after = ''] = text.split(part);
  return Buffer.concat([Buffer.from(before + part), Buffer.from(bytes), Buffer.from(after)]);
}
