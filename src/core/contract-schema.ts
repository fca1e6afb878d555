import { z } from 'zod';
import { CONTRACT_SIDES, contractIdOf, type ContractDocument, type ContractNote } from './contract.js';
import { MOST_NAMES, fieldsOf, lintContract } from './contract-lint.js';
import { HandoffError, formatIssues, type Issue } from './errors.js';
import { isFields } from './fields.js';
import { artifactName, id, issuesOf, phase, schemaName, TEN_YEARS_MIN, version } from './fields-schema.js';
import { AGENT_NAME, FORMAT_NAME, HANDOFF_ID, printable } from './ids.js';
import { pointerOf } from './json/pointer.js';
import { checkBounds } from './request-schema.js';

/** On each side of a contract. */
const MOST_ARTIFACTS = 1000;

const agent = id(AGENT_NAME, 'an agent name');
const contractId = id(HANDOFF_ID, 'an id: letters, digits, ".", "_" or "-", at most 128, first a letter or digit');
const text = z.string().max(4000);
const names = z.array(z.string().min(1, 'must not be empty').max(256)).max(MOST_NAMES);
const minutes = z.number().positive().max(TEN_YEARS_MIN);
const metadata = z.record(z.string().max(256), z.json());

/** A file name, or the schema itself. What JSON Schema allows in it is for who evaluates it. */
const schema = z.custom<string | boolean | Record<string, unknown>>().superRefine((v, ctx) => {
  if (typeof v === 'boolean' || isFields(v)) return;
  const named = schemaName.safeParse(v);
  const message = typeof v === 'string' ? named.error?.issues[0]?.message : undefined;
  if (typeof v !== 'string' || message)
    ctx.addIssue({ code: 'custom', message: message ?? 'must be a file name, a JSON Schema, true or false' });
});

const sent = {
  description: text.optional(),
  type: z.enum(['file', 'directory']).optional(),
  schema: schema.optional(),
  format: id(FORMAT_NAME, 'a format, such as json, yaml, csv or markdown').optional(),
  required: z.boolean().optional(),
  required_fields: names.optional(),
  requires: names.optional(),
  checksum: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits in lower case')
    .optional(),
  example: z.json().optional(),
  metadata: metadata.optional(),
};
const returned = {
  ...sent,
  timeout_minutes: minutes.optional(),
  expected_in: minutes.optional(),
  if_missing: z.enum(['retry', 'fail', 'warn']).optional(),
  critical: z.boolean().optional(),
  minimum_test_coverage: z.number().min(0).max(1).optional(),
};
const inner = {
  sends: z.record(z.string(), z.looseObject(sent)).optional(),
  expects_in_return: z.record(z.string(), z.looseObject(returned)).optional(),
  max_return_rounds: z.int().min(0).max(100).optional(),
  metadata: metadata.optional(),
};
// Phases stay as they are written.
const phaseName = z.custom<string | number>().superRefine((v, ctx) => {
  const message = phase.safeParse(v).error?.issues[0]?.message;
  if (message) ctx.addIssue({ code: 'custom', message });
});
const whole = {
  contract_id: contractId.optional(),
  version: version.optional(),
  handoff_id: contractId.optional(),
  from_agent: agent.optional(),
  from_phase: phaseName.optional(),
  to_agent: agent.optional(),
  to_phase: phaseName.optional(),
  contract: z.looseObject(inner, {
    error: (i) => (i.input === undefined ? 'is missing: an object with sends and expects_in_return' : undefined),
  }),
  timing: z.record(z.string(), z.unknown()).optional(),
  metadata: metadata.optional(),
};
export const documentSchema = z.looseObject(whole);
const FIELDS = { sends: Object.keys(sent), expects_in_return: Object.keys(returned) };

/** A look at a contract document: the document, where nothing is wrong with it, and all that there is to say. */
export interface ContractLook {
  document?: ContractDocument;
  errors: Issue[];
  warnings: ContractNote[];
}

/** Whether an input is the `contract` part of a document, without what stands around it. */
export function isPartAlone(input: unknown): boolean {
  const fields = fieldsOf(input);
  const parts = Object.keys(inner).filter((f) => !Object.hasOwn(whole, f));
  return !Object.hasOwn(fields, 'contract') && parts.some((f) => Object.hasOwn(fields, f));
}

/** Looks at a document, or at its `contract` part alone. Throws INPUT_TOO_LARGE. */
export function lookAtContract(input: unknown): ContractLook {
  const bounds = faultsOfBounds(input);
  if (bounds) return { errors: bounds, warnings: [] };
  const alone = isPartAlone(input);
  const document = alone ? { contract: input } : input;
  const parsed = documentSchema.safeParse(document);
  const lint = lintContract(document);
  const errors = [
    ...(parsed.error ? issuesOf(parsed.error) : []),
    ...unknownFields(document, alone),
    ...badNames(document),
    ...lint.errors,
  ];
  const found = { errors: errors.map((e) => placed(e, alone)), warnings: lint.warnings.map((w) => placed(w, alone)) };
  if (errors.length > 0) return found;
  return { ...found, document: JSON.parse(JSON.stringify(parsed.data)) as ContractDocument };
}

/** A contract document, or its `contract` part alone, as a whole one. Throws INVALID_CONTRACT with every issue, or INPUT_TOO_LARGE. */
export function parseContract(input: unknown): ContractDocument {
  const { document, errors } = lookAtContract(input);
  if (document) return document;
  throw invalidContract(nameOf(input), errors);
}

export const invalidContract = (contract: string, list: Issue[]): HandoffError =>
  new HandoffError('INVALID_CONTRACT', { contract, issues: formatIssues(list), list });

const nameOf = (input: unknown): string => {
  const named: unknown = contractIdOf(fieldsOf(input) as unknown as ContractDocument);
  return typeof named === 'string' ? printable(named).slice(1, -1) : 'document';
};

function faultsOfBounds(input: unknown): Issue[] | undefined {
  try {
    checkBounds(input, 'The contract');
    return undefined;
  } catch (error) {
    if (error instanceof HandoffError && error.code === 'INVALID_REQUEST') return error.params['list'] as Issue[];
    throw error;
  }
}

/** Places are those of the document as it was given. */
const placed = <T extends Issue>(issue: T, alone: boolean): T =>
  alone ? { ...issue, path: issue.path.replace(/^\/contract/, '') } : issue;

function unknownFields(document: unknown, alone: boolean): Issue[] {
  const strangers = (
    at: string,
    value: unknown,
    known: readonly string[],
    hint?: (field: string) => string | undefined,
  ): Issue[] =>
    Object.keys(fieldsOf(value))
      .filter((field) => !known.includes(field) && !field.startsWith('x-'))
      .map((field) => ({
        path: `${at}${pointerOf(field)}`,
        message: hint?.(field) ?? `unknown field; known here: ${known.join(', ')}`,
      }));
  const top = fieldsOf(document);
  const contract = fieldsOf(top['contract']);
  const beside = (field: string): string | undefined =>
    Object.hasOwn(whole, field)
      ? `belongs beside "contract"${alone ? ', into which all else here then goes' : ', not into it'}`
      : undefined;
  return [
    ...strangers('', document, Object.keys(whole)),
    ...strangers('/contract', contract, Object.keys(inner), beside),
    ...CONTRACT_SIDES.flatMap((side) =>
      Object.entries(fieldsOf(contract[side])).flatMap(([name, spec]) =>
        strangers(`/contract/${side}${pointerOf(name)}`, spec, FIELDS[side], (field) =>
          Object.hasOwn(returned, field) ? 'is only for what is expected in return' : undefined,
        ),
      ),
    ),
  ];
}

function badNames(document: unknown): Issue[] {
  const contract = fieldsOf(fieldsOf(document)['contract']);
  return CONTRACT_SIDES.flatMap((side) => {
    const at = `/contract/${side}`;
    const all = Object.keys(fieldsOf(contract[side]));
    const many = `has ${all.length} artifacts; at most ${MOST_ARTIFACTS} are allowed`;
    return [
      ...(all.length > MOST_ARTIFACTS ? [{ path: at, message: many }] : []),
      ...all.flatMap((name) => {
        const message = artifactName.safeParse(name).error?.issues[0]?.message;
        return message ? [{ path: `${at}${pointerOf(name)}`, message }] : [];
      }),
    ];
  });
}
