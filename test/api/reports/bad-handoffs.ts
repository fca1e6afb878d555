import type { Bad } from './bad-bodies.js';

const json = { 'content-type': 'application/json' };
const reason = { reason: 'As a test.' };
const repair = { ...reason, incidentId: 'i-1' };

/** A good message of each verb; each field that it must have is also sent missing and of wrong types. */
const MESSAGES: Record<string, Record<string, unknown>> = {
  pause: reason,
  cancel: reason,
  reject: reason,
  complete: { epoch: 1 },
  return: { epoch: 1, artifacts: [{ name: 'a.json', path: 'a.json' }] },
  extend: { minutes: 5 },
  retry: repair,
  skip: repair,
  rollback: repair,
  resolve: repair,
};
const VERBS = [...Object.keys(MESSAGES), 'resume', 'accept'];
const REQUEST = {
  procedure: 'AGENT_HANDOFF_STANDARD',
  source: { agent: '@code-architect' },
  target: { agent: '@nodejs-specialist' },
};
/** What is wrong with a request, and where. */
const REQUESTS: [kind: string, over: object, at: string][] = [
  ...[7, null, [], {}, 'lower_case', 'A', '../X', 'X'.repeat(80)].map((procedure): [string, object, string] => [
    'a procedure that is none',
    { procedure },
    '/procedure',
  ]),
  ...[7, null, 'text', [], {}, { agent: 7 }, { agent: 'a/b' }, { agent: '@' }, { phase: -1 }, { surprise: 1 }].map(
    (source): [string, object, string] => ['a party that is none', { source }, '/source'],
  ),
  ...['..', 'a/b', '', 7, 'x'.repeat(129), '-a'].map((handoffId): [string, object, string] => [
    'a handoff id that is none',
    { handoffId },
    '/handoffId',
  ]),
  ...['', 'a b', '../s', 7].map((session): [string, object, string] => [
    'a session id that is none',
    { session },
    '/session',
  ]),
  ...[0, -5, '5', 1e12, null].map((expiresInMinutes): [string, object, string] => [
    'a time that is none',
    { expiresInMinutes },
    '/expiresInMinutes',
  ]),
  ...['soon', '2026-13-01', 5, ''].map((startAfter): [string, object, string] => [
    'a date that is none',
    { startAfter },
    '/startAfter',
  ]),
  ...['urgent', 1, ''].map((priority): [string, object, string] => ['an unknown priority', { priority }, '/priority']),
  ...['later', true].map((acceptance): [string, object, string] => ['an unknown word', { acceptance }, '/acceptance']),
  ...[
    7,
    {},
    [7],
    [{ name: 'a.json' }],
    [{ name: '../a', path: 'a' }],
    [{ name: 'a', path: '' }],
    [{ name: 'a', path: 'a', sha256: 'X' }],
    [
      { name: 'a', path: 'x' },
      { name: 'A', path: 'y' },
    ],
  ].map((artifacts): [string, object, string] => ['artifacts that are none', { artifacts }, '/artifacts']),
  ...[7, 'text', [1]].map((context): [string, object, string] => ['a context that is none', { context }, '/context']),
  ['an unknown field', { surprise: 1 }, ''],
];

/** Bad requests about handoffs. */
export function badHandoffs(id: string): Bad[] {
  const post = (kind: string, path: string, body: unknown, more: Partial<Bad> = {}): Bad => ({
    kind: `handoffs: ${kind}`,
    method: 'POST',
    path,
    body,
    ...more,
  });
  const raw = (kind: string, path: string, text: string | Buffer, more: Partial<Bad> = {}): Bad => ({
    kind: `handoffs: ${kind}`,
    method: 'POST',
    path,
    raw: text,
    headers: json,
    ...more,
  });
  const get = (kind: string, path: string, more: Partial<Bad> = {}): Bad => ({
    kind: `handoffs: ${kind}`,
    method: 'GET',
    path,
    ...more,
  });
  return [
    ...Object.entries(MESSAGES).flatMap(([verb, good]) =>
      Object.keys(good).flatMap((field) => [
        post('a missing field', `/handoffs/${id}/${verb}`, { ...good, [field]: undefined }, { at: `/${field}` }),
        ...[true, null, {}, ''].map((value) =>
          post('a wrong type', `/handoffs/${id}/${verb}`, { ...good, [field]: value }, { at: `/${field}` }),
        ),
      ]),
    ),
    ...VERBS.flatMap((verb) => {
      const path = `/handoffs/${id}/${verb}`;
      const good = MESSAGES[verb] ?? {};
      return [
        post('an unknown field', path, { ...good, surprise: 1 }, { at: '' }),
        post('a wrong type', path, { ...good, by: 7 }, { at: '/by' }),
        raw('no object', path, '[]'),
        raw('JSON that is none', path, '{"reason":'),
        raw('a field twice', path, '{"reason":"a","reason":"b"}'),
        raw(
          'bytes that are no UTF-8',
          path,
          Buffer.concat([Buffer.from('{"reason":"'), Buffer.from([0xff]), Buffer.from('"}')]),
        ),
        raw('a content type that is not taken', path, '{}', { headers: { 'content-type': 'text/plain' }, status: 415 }),
        raw('an Idempotency-Key that is none', path, JSON.stringify(good), {
          headers: { ...json, 'idempotency-key': 'a b' },
          at: 'idempotency-key',
        }),
        post('a handoff that is not there', `/handoffs/h-none/${verb}`, good, { status: 404 }),
        post('an id that is none', `/handoffs/..%2f${id}/${verb}`, good, { status: [400, 404] }),
        { ...get('a method that is not there', path), status: 405 },
      ];
    }),
    ...['/handoffs', '/plan'].flatMap((path) => [
      ...REQUESTS.map(([kind, over, at]) => post(kind, path, { ...REQUEST, ...over }, { at })),
      ...['procedure', 'source', 'target'].map((field) =>
        post('a missing field', path, { ...REQUEST, [field]: undefined }, { at: `/${field}` }),
      ),
      post('a procedure that is not there', path, { ...REQUEST, procedure: 'NOBODY_HAS_THIS' }, { status: 404 }),
      raw('no object', path, '[]'),
      raw('an empty body', path, ''),
      raw('a name of a prototype', path, '{"__proto__":{"a":1}}'),
      raw('nested too deep', path, `{"context":{"a":${'['.repeat(200)}`),
      raw(
        'half a character',
        path,
        JSON.stringify({ ...REQUEST, context: { a: 'A' } }).replace('"A"', String.raw`"\ud800"`),
      ),
      raw('too large', path, JSON.stringify({ ...REQUEST, context: { a: 'x'.repeat(300_000) } }), { status: 413 }),
    ]),
    ...['status=nonsense', 'limit=0', 'limit=ten', 'surprise=1', 'cursor=nonsense'].map((query) =>
      get('a parameter that is none', `/handoffs?${query}`),
    ),
    ...['..%2fx', 'a%2fb', '%00', '-a', 'x'.repeat(129)].flatMap((bad) =>
      ['', '/progress', '/effects', '/document'].map((path) =>
        get('an id that is none', `/handoffs/${bad}${path}`, { status: [400, 404] }),
      ),
    ),
    ...['', '/progress', '/effects', '/document', '/result'].map((path) =>
      get('a handoff that is not there', `/handoffs/h-none${path}`, { status: 404 }),
    ),
    ...['-1', 'ten', '1e9', ''].map((seconds) =>
      get('a time that is none', `/handoffs/${id}/result?wait_seconds=${seconds}`, { at: 'wait_seconds' }),
    ),
  ];
}
