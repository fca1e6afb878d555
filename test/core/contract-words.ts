// Places in S2's document, and what is said of them.
export const ARCH = '/contract/sends/code-architecture.json';
export const MODULES = '/contract/sends/module-structure.json';
export const APP = '/contract/expects_in_return/express-app.json';
export const TESTS = '/contract/expects_in_return/tests';
export const INCOMPLETE = `${ARCH}/example: lacks dependencies, coding_standards`;
export const NO_DATE = 'is not a date (ISO 8601, such as 2026-01-13T11:30:00Z)';
export const NO_ID = 'is not an id: letters, digits, ".", "_" or "-", at most 128, first a letter or digit';
export const NO_PHASE = 'is not a phase: letters, digits, ".", "_" or "-", at most 64';
export const NO_FILE = 'is not an artifact name: one file name without "/"';
export const NO_SCHEMA = 'is not a schema file name: one file name without "/"';
export const SHAPE = 'must be a file name, a JSON Schema, true or false';
export const SENT =
  'description, type, schema, format, required, required_fields, requires, checksum, example, metadata';
export const BACK = `${SENT}, timeout_minutes, expected_in, if_missing, critical, minimum_test_coverage`;
export const INNER = 'sends, expects_in_return, max_return_rounds, metadata';
export const TOP =
  'contract_id, version, handoff_id, from_agent, from_phase, to_agent, to_phase, contract, timing, metadata';
export const TIMES = 'unknown field; known here: phase_<N>_expected_end, phase_<N>_can_start_after';
export const TEN_YEARS = 5_256_000;
