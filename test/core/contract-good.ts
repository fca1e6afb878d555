import { ARCH, MODULES, APP, TESTS, INCOMPLETE, TEN_YEARS } from './contract-words.js';

/** What is done to S2's document, and the warnings that then stand beside {@link INCOMPLETE}. */
export const GOOD: [string, Record<string, unknown>, string[]?][] = [
  ['phases by name', { '/from_phase': 'analysis', '/to_phase': 'synthesis', '/timing': undefined }],
  ['phases as texts', { '/from_phase': '8', '/to_phase': '13' }],
  ['phase 0', { '/from_phase': 0, '/timing': { phase_0_expected_end: '2026-01-13' } }],
  ['agents alone', { '/from_phase': undefined, '/to_phase': undefined, '/timing': undefined }],
  [
    'nobody named',
    {
      '/from_phase': undefined,
      '/to_phase': undefined,
      '/from_agent': undefined,
      '/to_agent': undefined,
      '/timing': undefined,
    },
  ],
  ['an agent without @', { '/from_agent': 'code-architect' }],
  ['no handoff_id', { '/handoff_id': undefined }],
  ['an id and a version of its own', { '/contract_id': 'architecture', '/version': '2.10.3' }],
  [
    'own fields anywhere',
    { '/x-owner': 'me', '/contract/x-b': 1, [`${ARCH}/x-c`]: [1], [`${APP}/x-d`]: null, '/timing/x-zone': 'UTC' },
  ],
  [
    'metadata anywhere',
    { '/metadata': { a: 1 }, '/contract/metadata': {}, [`${ARCH}/metadata`]: { b: [null] }, [`${APP}/metadata`]: {} },
  ],
  ['nothing sent', { '/contract/sends': {} }, []],
  ['sends left out', { '/contract/sends': undefined }, []],
  ['nothing expected back', { '/contract/expects_in_return': undefined }],
  ['an empty contract', { '/contract': {} }, []],
  ['an artifact of which nothing is said', { '/contract/sends/notes.md': {} }],
  ['an artifact name in another script', { '/contract/sends/Entwürfe 設計.json': {} }],
  [
    'an artifact that is named like a property of all objects',
    { '/contract/sends/constructor': {}, '/contract/sends/toString': { requires: ['constructor'] } },
  ],
  ['the same name sent and expected back', { '/contract/expects_in_return/code-architecture.json': {} }],
  ['an inline schema', { [`${ARCH}/schema`]: { type: 'object', properties: { modules: { type: 'array' } } } }],
  ['a schema that is true', { [`${ARCH}/schema`]: true }],
  ['a schema that is false', { [`${ARCH}/schema`]: false }],
  ['no schema', { [`${ARCH}/schema`]: undefined }],
  ['a directory that is sent', { [`${MODULES}/type`]: 'directory' }],
  ['a format', { [`${MODULES}/format`]: 'yaml' }],
  ['an optional artifact', { [`${MODULES}/required`]: false }],
  ['a checksum', { [`${MODULES}/checksum`]: 'a'.repeat(64) }],
  ['requires', { [`${MODULES}/requires`]: ['code-architecture.json'] }],
  [
    'two that require the same',
    {
      '/contract/sends/a': {},
      '/contract/sends/b': { requires: ['a'] },
      '/contract/sends/c': { requires: ['a', 'b'] },
    },
  ],
  [
    'a whole example',
    { [`${ARCH}/example`]: { modules: [], api_structure: null, dependencies: {}, coding_standards: 0 } },
    [],
  ],
  ['an example where nothing is required', { [`${ARCH}/required_fields`]: undefined }, []],
  [
    'an example that is no object',
    { [`${ARCH}/example`]: 'text' },
    [`${ARCH}/example: lacks modules, api_structure, dependencies, coding_standards`],
  ],
  [
    'an example that is null',
    { [`${ARCH}/example`]: null },
    [`${ARCH}/example: lacks modules, api_structure, dependencies, coding_standards`],
  ],
  [
    'an example whose field is only inherited',
    { [`${ARCH}/required_fields`]: ['toString'] },
    [`${ARCH}/example: lacks toString`],
  ],
  [
    'an incomplete example of what comes back',
    { [`${APP}/required_fields`]: ['routes'], [`${APP}/example`]: {} },
    [INCOMPLETE, `${APP}/example: lacks routes`],
  ],
  ['coverage 0', { [`${TESTS}/minimum_test_coverage`]: 0 }],
  ['coverage 1', { [`${TESTS}/minimum_test_coverage`]: 1 }],
  ['half a minute', { [`${APP}/timeout_minutes`]: 0.5, [`${APP}/expected_in`]: 0.25 }],
  ['ten years', { [`${APP}/timeout_minutes`]: TEN_YEARS }],
  [
    'late after the time-out',
    { [`${APP}/expected_in`]: 121 },
    [INCOMPLETE, `${APP}/expected_in: is after timeout_minutes (120): it is never late`],
  ],
  [
    'late after the default time-out',
    { [`${TESTS}/expected_in`]: 121 },
    [INCOMPLETE, `${TESTS}/expected_in: is after the default time-out of 120 minutes: it is never late`],
  ],
  ['rounds', { '/contract/max_return_rounds': 0 }],
  [
    'dates of other shapes',
    { '/timing/phase_8_expected_end': '2026-01-13', '/timing/phase_13_expected_end': '2026-01-13T15:30:00+02:00' },
  ],
  ['an end at the very start', { '/timing/phase_13_expected_end': '2026-01-13T11:30:00Z' }],
  [
    'a phase whose name has underscores',
    { '/to_phase': 'can_start_after', '/timing': { phase_can_start_after_expected_end: '2026-01-13' } },
  ],
  [
    'a phase in timing that the contract does not have',
    { '/timing/phase_9_expected_end': '2026-01-14' },
    [INCOMPLETE, '/timing/phase_9_expected_end: phase 9 is neither from_phase nor to_phase'],
  ],
  [
    'timing without any phase named',
    { '/from_phase': undefined, '/to_phase': undefined, '/timing': { phase_a_expected_end: '2026-01-14' } },
    [INCOMPLETE, '/timing/phase_a_expected_end: phase a is neither from_phase nor to_phase'],
  ],
  [
    'a thousand artifacts',
    { '/contract/sends': Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`a${i}`, {}])) },
    [],
  ],
];
