import { Ajv, type ErrorObject, type Options } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { columnsOf, parseAs, type Bounds } from './formats.js';
import { byPointer, inWords, Unfit, unfit, type Found } from './found.js';
import { isSchema, SchemaIndex, uriOf } from './schema-index.js';

/** What the thread is to look at. */
export interface Look {
  bytes: Uint8Array;
  format: string;
  bounds: Bounds;
  requiredFields: readonly string[];
  /** All schemas that may be needed, as JSON, by name; `root` is the one to look by. */
  schema?: { root: string; texts: Readonly<Record<string, string>> };
  limit: number;
}

export interface Seen {
  faults: Found[];
  /** Faults beyond the limit. */
  more: number;
}

/** Of more faults than that the first are taken as they come: a million of them are not worth their order. */
const MOST_SORTED = 10_000;

/** Everything wrong with the content of one artifact. Runs in the thread. */
export function look({ bytes, format, bounds, requiredFields, schema, limit }: Look): Seen {
  const faults: Found[] = [];
  let beyond = 0;
  let value: unknown;
  try {
    value = parseAs(format, bytes, bounds);
  } catch (error) {
    return { faults: [asFound(error)], more: 0 };
  }
  if (schema) {
    try {
      const broken = bySchema(value, schema.root, schema.texts);
      beyond = Math.max(0, broken.length - MOST_SORTED);
      faults.push(...broken.slice(0, MOST_SORTED).map(foundOf));
    } catch (error) {
      faults.push(asFound(error));
    }
  }
  const named = format === 'csv' ? columnsOf(bytes) : value;
  faults.push(...fieldsMissing(named, requiredFields));
  const inOrder = faults.toSorted(byPointer);
  return { faults: inOrder.slice(0, limit), more: Math.max(0, inOrder.length - limit) + beyond };
}

function asFound(error: unknown): Found {
  if (error instanceof Unfit) return error.fault;
  const deep = error instanceof RangeError;
  return {
    code: 'schema_invalid',
    pointer: '',
    expected: deep ? 'a schema that comes to an end' : 'a schema that can be used',
    found: deep ? 'one that refers to itself, or is chained, too deeply' : (error as Error).message,
  };
}

function fieldsMissing(value: unknown, fields: readonly string[]): Found[] {
  if (fields.length === 0) return [];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [
      { code: 'wrong_type', pointer: '', expected: `an object with ${fields.join(', ')}`, found: inWords(value) },
    ];
  return fields
    .filter((f) => !Object.hasOwn(value, f))
    .map((f) => ({ code: 'missing_field', pointer: '', expected: `the field ${f}`, found: inWords(value) }));
}

const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;
const DRAFT_2020 = /^https:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;

type Draft = 'draft-07' | '2020-12';

function draftOf(schema: unknown, name: string): Draft | undefined {
  const said = isSchema(schema) ? schema['$schema'] : undefined;
  if (said === undefined) return undefined;
  if (typeof said === 'string' && DRAFT_07.test(said)) return 'draft-07';
  if (typeof said === 'string' && DRAFT_2020.test(said)) return '2020-12';
  throw unfit('schema_invalid', `${name} in JSON Schema 2020-12 or draft-07`, `$schema ${inWords(said)}`);
}

const OPTIONS: Options = {
  strict: false,
  allErrors: true,
  // Else `toString` counts as a property that every object has.
  ownProperties: true,
  validateSchema: false,
  verbose: true,
  logger: false,
};

const addFormats = formats as unknown as (ajv: Ajv) => Ajv;

function bySchema(value: unknown, root: string, texts: Readonly<Record<string, string>>): ErrorObject[] {
  const schemas = new Map(Object.entries(texts).map(([name, text]) => [name, JSON.parse(text) as unknown]));
  const schema = schemas.get(root);
  const index = new SchemaIndex(schemas);
  const cycle = index.cycle(schema);
  if (cycle)
    throw unfit('schema_invalid', `references of ${root} that come to an end`, `the cycle ${cycle.join(' → ')}`);
  const draft = draftOf(schema, root) ?? '2020-12';
  const ajv = addFormats(draft === 'draft-07' ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS));
  const validate = compile(ajv, index, schemas, root, draft);
  return validate(value) ? [] : (validate.errors ?? []);
}

/** References are followed within the set. What is not in it is named: nothing is ever fetched. */
function compile(ajv: Ajv, index: SchemaIndex, schemas: ReadonlyMap<string, unknown>, root: string, draft: Draft) {
  const nameOf = new Map([...schemas].map(([name, schema]) => [schema, name]));
  const add = (schema: unknown, uri: string): void => {
    const name = nameOf.get(schema) ?? root;
    if ((draftOf(schema, name) ?? draft) !== draft)
      throw unfit('schema_invalid', `${name} in ${draft}, as ${root} is`, 'another draft');
    const { $schema: _, ...bare } = isSchema(schema) ? schema : { schema };
    const whole = isSchema(schema) ? bare : (schema as boolean);
    if (ajv.validateSchema(whole) !== true)
      throw unfit('schema_invalid', `${name} to be a JSON Schema`, wrongWith(ajv.errors ?? []));
    ajv.addSchema(whole, uri);
  };
  if (!isSchema(schemas.get(root)) && typeof schemas.get(root) !== 'boolean')
    throw unfit('schema_invalid', `${root} to be a JSON Schema`, inWords(schemas.get(root)));
  const uri = uriOf(root);
  add(schemas.get(root), uri);
  for (const added = new Set<string>(); ;) {
    try {
      return ajv.getSchema(uri)!;
    } catch (error) {
      const { missingSchema, missingRef } = error as { missingSchema?: string; missingRef?: string };
      if (missingSchema === undefined) throw error;
      const found = index.find(missingSchema);
      if (found === undefined || found === schemas.get(root) || added.has(missingSchema))
        throw unfit(
          'schema_invalid',
          `references of ${root} to what is given with it`,
          `$ref ${shortRef(missingRef, uri)}`,
        );
      added.add(missingSchema);
      add(found, missingSchema);
    }
  }
}

const shortRef = (ref = '', root: string): string =>
  `"${(ref.startsWith(`${root}#`) ? ref.slice(root.length) : ref).replace(/^handoff:\/\/\//, '')}", which is not; nothing is fetched`;

/** The faults of a schema itself, the deepest first: what is above only follows. */
function wrongWith(errors: readonly ErrorObject[]): string {
  const lines = errors.map((e) => `${e.instancePath || '/'} ${e.message ?? e.keyword}`);
  const deepest = errors.reduce(
    (best, e, i) => (e.instancePath.length > errors[best]!.instancePath.length ? i : best),
    0,
  );
  return `${lines[deepest] ?? 'none'}${lines.length > 1 ? `, and ${lines.length - 1} more` : ''}`;
}

const quoted = (value: unknown): string => inWords(value);
const listed = (values: unknown): string => (Array.isArray(values) ? values.map(quoted).join(', ') : quoted(values));
const count = (n: unknown, one: string): string => `${String(n)} ${one}${n === 1 ? '' : 's'}`;

/** What a keyword asks for, in words; ajv's own where we have none. */
function expectedBy({ keyword, schema, params, message = keyword }: ErrorObject): string {
  const p = params as Record<string, unknown>;
  switch (keyword) {
    case 'type':
      return [schema].flat().map(String).join(' or ');
    case 'required':
      return `the property ${String(p['missingProperty'])}`;
    case 'enum':
      return `one of ${listed(schema)}`;
    case 'const':
      return quoted(schema);
    case 'minLength':
      return `at least ${count(schema, 'character')}`;
    case 'maxLength':
      return `at most ${count(schema, 'character')}`;
    case 'minItems':
      return `at least ${count(schema, 'item')}`;
    case 'maxItems':
      return `at most ${count(schema, 'item')}`;
    case 'pattern':
      return `text that matches ${String(schema)}`;
    case 'format':
      return `text in the format ${String(schema)}`;
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `a number ${String(p['comparison'])} ${String(p['limit'])}`;
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `no property ${String(p['additionalProperty'] ?? p['unevaluatedProperty'])}`;
    case 'false schema':
      return 'nothing here';
    case 'multipleOf':
      return `a multiple of ${String(schema)}`;
    case 'uniqueItems':
      return `items that differ (${String(p['j'])} and ${String(p['i'])} are the same)`;
    case 'anyOf':
      return 'something that one of the schemas in anyOf fits';
    case 'oneOf':
      return 'something that exactly one of the schemas in oneOf fits';
    case 'not':
      return 'something that the schema in not does not fit';
    case 'if':
      return `what ${String(p['failingKeyword'])} asks for`;
    case 'dependencies':
    case 'dependentRequired':
      return `the property ${String(p['missingProperty'])}, because ${String(p['property'])} is there`;
    case 'propertyNames':
      return `a name that fits, in place of ${String(p['propertyName'])}`;
    default:
      return message.replace(/^must /, 'it to ');
  }
}

function foundOf(error: ErrorObject): Found {
  return {
    code: error.keyword === 'type' ? 'wrong_type' : 'schema_violation',
    pointer: error.instancePath,
    expected: expectedBy(error),
    found: inWords(error.data),
  };
}
