import picocolors from 'picocolors';
import { expect, test } from 'vitest';
import { traceOf } from '../../src/client/manifest.js';
import { traceText } from '../../src/cli/text/trace-text.js';
import { arrivalOf, storagePlace } from '../storage/place.js';
import type { Arrival } from '../../src/storage/manifest/manifest.js';

const place = storagePlace();
const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const arrive = (a: Arrival): Promise<void> =>
  place.storage.db.transaction().execute((trx) => place.storage.manifest.arrived(trx, a));

test('a trace is drawn from the first source down, with what was made, moved on, changed and taken back', async () => {
  const { manifest, db } = place.storage;
  const made = { name: 'd.yaml', originalPath: '/no/d.json', originalSha256: A, sha256: B, path: '/no/13/d.yaml' };
  await arrive(
    arrivalOf('ho_1', { ...made, transformer: 'json_to_yaml', originalSize: 10, schema: 's', schemaValid: true }),
  );
  const on = arrivalOf('ho_2', {
    name: 'd.yaml',
    originalPath: '/no/13/d.yaml',
    originalSha256: B,
    path: '/no/14/d.yaml',
  });
  await arrive({ ...on, source: { phase: '13' }, target: { phase: '14' } });
  const back = arrivalOf('ho_3', {
    name: 'd.yaml',
    originalPath: '/no/14/d.yaml',
    originalSha256: B,
    path: '/no/15/x\u001b[2J',
  });
  await arrive({ ...back, source: { phase: '14' }, target: { agent: '@z' } });
  await db.transaction().execute((trx) => manifest.takenBack(trx, back.key, 'kept_theirs'));
  await arrive(arrivalOf('ho_4', { name: 'e.yaml', originalPath: '/no/14/d.yaml', path: '/no/16/e.yaml' }));
  const text = traceText(picocolors.createColors(false), await traceOf(place.storage, 'd.yaml'));
  const shown = text.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'T');
  expect(shown.split('\n')).toEqual([
    '/no/d.json',
    '│  @code-architect, first seen T; GONE',
    '└─ artifact_001  d.json  10 B  sha256 aaaaaaaaaaaa',
    '   └─ artifact_002  d.yaml  2.0 kB  sha256 bbbbbbbbbbbb',
    '      │  made by json_to_yaml in ho_1',
    '      │  schema s: valid',
    '      ├─ ✗ T  @code-architect (phase 8) → @nodejs-specialist (phase 13)  ho_1',
    '      │  │    /no/13/d.yaml',
    '      │  │    sha256 bbbbbbbbbbbb; GONE',
    '      │  └─ ✗ T  phase 13 → phase 14  ho_2',
    '      │     │    /no/14/d.yaml',
    '      │     │    sha256 bbbbbbbbbbbb; GONE',
    '      │     └─ ↶ T  phase 14 → @z  ho_3',
    '      │             /no/15/x\\x1b[2J',
    '      │             sha256 bbbbbbbbbbbb; undone T (kept theirs)',
    '      └─ changed where it lay, and handed on as artifact_003 e.yaml  sha256 aaaaaaaaaaaa',
  ]);
});
