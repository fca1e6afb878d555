import type { Issue } from './errors.js';
import type { Party } from './request.js';

/** What a contract says of one artifact that the source sends. Data that users write: snake_case, as in the document. */
export interface SendSpec {
  description?: string;
  /** `file` (default) or `directory`. */
  type?: 'file' | 'directory';
  /** A file in the schema folder, or the JSON Schema itself (2020-12, or draft-07 by its `$schema`). */
  schema?: string | boolean | Record<string, unknown>;
  /** How the artifact is to arrive: `json`, `yaml`, `csv`, `markdown`, or one that a transformer knows. */
  format?: string;
  /** Default true. One that is not required and not there is a warning. */
  required?: boolean;
  /** Names that the artifact must have at its top. */
  required_fields?: string[];
  /** Artifacts of the same contract without which this one is of no use. */
  requires?: string[];
  /** Hex SHA-256 that it must have. */
  checksum?: string;
  example?: unknown;
  metadata?: Record<string, unknown>;
  [own: `x-${string}`]: unknown;
}

/** What it says of one that is expected back. Times in minutes from the acceptance. */
export interface ReturnSpec extends SendSpec {
  /** Over: `if_missing` decides. Default 120. */
  timeout_minutes?: number;
  /** Over: it is late. */
  expected_in?: number;
  /** Default `fail` where it is critical, else `warn`. */
  if_missing?: 'retry' | 'fail' | 'warn';
  /** Default false. */
  critical?: boolean;
  /** 0 to 1; read from a report in the directory. */
  minimum_test_coverage?: number;
}

/** A contract as its document has it (seed S2). */
export interface ContractDocument {
  /** Names it in the registry. Default: `handoff_id`. */
  contract_id?: string;
  /** Default 1.0.0. */
  version?: string;
  handoff_id?: string;
  from_agent?: string;
  from_phase?: string | number;
  to_agent?: string;
  to_phase?: string | number;
  contract: {
    sends?: Record<string, SendSpec>;
    expects_in_return?: Record<string, ReturnSpec>;
    /** Returns with faults that go back to the agent before a person is asked. Default 3. */
    max_return_rounds?: number;
    metadata?: Record<string, unknown>;
    [own: `x-${string}`]: unknown;
  };
  /** `phase_<N>_expected_end` and `phase_<N>_can_start_after`, ISO dates. */
  timing?: Record<string, string>;
  metadata?: Record<string, unknown>;
  [own: `x-${string}`]: unknown;
}

/** One thing to say of a contract document: `path` is a JSON pointer into it. */
export interface ContractNote extends Issue {
  code:
    | 'invalid'
    | 'schema_missing'
    | 'schema_invalid'
    | 'example_incomplete'
    | 'example_invalid'
    | 'late_after_timeout'
    | 'unknown_phase';
}

/** A contract as a handoff carries it: checked, its defaults still to be read, its schemas with it where they were found. */
export interface Contract {
  id?: string;
  version?: string;
  /** Of the document, as canonical JSON. */
  digest: string;
  source: Party;
  target: Party;
  sends: Record<string, SendSpec>;
  returns: Record<string, ReturnSpec>;
  maxReturnRounds: number;
  /** As in the document, dates normalised to ISO. */
  timing: Record<string, string>;
  /** Schema files that were there when the handoff was started, by the name that the contract has for them. */
  schemas: Record<string, unknown>;
}

export type FaultCode =
  | 'missing_artifact'
  | 'unreadable_artifact'
  | 'wrong_kind'
  | 'not_parseable'
  | 'schema_missing'
  | 'schema_invalid'
  | 'schema_violation'
  | 'missing_field'
  | 'wrong_type'
  | 'checksum_mismatch'
  | 'missing_dependency'
  | 'unknown_artifact'
  | 'not_transformable'
  | 'coverage_too_low'
  | 'coverage_missing'
  | 'example_incomplete'
  | 'too_large'
  | 'timed_out';

/** One fault of an artifact, for programs and for people. */
export interface ContractFault {
  code: FaultCode;
  artifact: string;
  /** JSON pointer into the artifact; `''` the whole. */
  pointer: string;
  expected: string;
  found: string;
  /** One line. */
  message: string;
}

/** What a look at artifacts by a contract found: all of it at once. */
export interface ContractValidation {
  valid: boolean;
  errors: ContractFault[];
  warnings: ContractFault[];
  artifacts_available: string[];
}

export const DEFAULT_RETURN_TIMEOUT_MINUTES = 120;
export const DEFAULT_RETURN_ROUNDS = 3;
export const DEFAULT_CONTRACT_VERSION = '1.0.0';

/** What becomes of a return that does not come. */
export const ifMissingOf = ({ if_missing, critical }: ReturnSpec): NonNullable<ReturnSpec['if_missing']> =>
  if_missing ?? (critical ? 'fail' : 'warn');

/** What names a document in the registry. */
export const contractIdOf = (d: ContractDocument): string | undefined => d.contract_id ?? d.handoff_id;

/** The two lists of a document's `contract`. */
export const CONTRACT_SIDES = ['sends', 'expects_in_return'] as const;

/** A contract's name for people; one without an id has none but its content. */
export const contractName = ({ id, version }: { id?: string; version?: string }): string =>
  id === undefined ? 'of its own' : `${id} ${version ?? DEFAULT_CONTRACT_VERSION}`;

/** Who a document names; phases as strings. */
export function contractParties(d: ContractDocument): { source: Party; target: Party } {
  const party = (agent: string | undefined, phase: string | number | undefined): Party => ({
    ...(agent === undefined ? {} : { agent }),
    ...(phase === undefined ? {} : { phase: String(phase) }),
  });
  return { source: party(d.from_agent, d.from_phase), target: party(d.to_agent, d.to_phase) };
}
