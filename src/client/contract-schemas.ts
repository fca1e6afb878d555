import { CONTRACT_SIDES, type ContractDocument, type ContractNote } from '../core/contract.js';
import { isPartAlone, lookAtContract } from '../core/contract-schema.js';
import { pointerOf } from '../core/json/pointer.js';
import { judgeExamples } from '../contracts/examples.js';
import { readSchemaFiles } from '../storage/schema-files.js';

/** A schema in a document, and where it stands. */
interface Named {
  path: string;
  schema: unknown;
}

/** The schema fields of a document, by their places in it. */
const schemasIn = ({ contract }: ContractDocument): Named[] =>
  CONTRACT_SIDES.flatMap((side) =>
    Object.entries(contract[side] ?? {}).flatMap(([name, spec]) =>
      spec.schema === undefined ? [] : [{ path: `/contract/${side}${pointerOf(name)}/schema`, schema: spec.schema }],
    ),
  );

/**
 * The schema files of a document, and a note for each place whose file is not there or cannot be used. `alone`: the
 * document was given without its envelope, and so are the places.
 */
export async function schemaFilesOf(
  document: ContractDocument,
  folders: readonly string[],
  alone: boolean,
): Promise<{ schemas: Record<string, unknown>; notes: ContractNote[] }> {
  const all = schemasIn(document);
  const names = all.flatMap(({ schema }) => (typeof schema === 'string' ? [schema] : []));
  const inline = new Map(all.flatMap(({ path, schema }) => (typeof schema === 'object' ? [[path, schema]] : [])));
  const { schemas, faults } = await readSchemaFiles(names, folders, inline);
  const notes = all.flatMap(({ path, schema }) =>
    faults
      .filter((f) => f.root === (typeof schema === 'string' ? schema : path))
      .map(({ name, missing, why }): ContractNote => {
        const referred = name === schema ? '' : `refers to ${name}: `;
        const message = missing ? `${referred}the schema file ${name} ${why}` : `${referred}${name}: ${why}`;
        const place = alone ? path.slice('/contract'.length) : path;
        return { code: missing ? 'schema_missing' : 'schema_invalid', path: place, message };
      }),
  );
  return { schemas, notes };
}

export interface ContractCheck {
  valid: boolean;
  errors: ContractNote[];
  warnings: ContractNote[];
  /** Where it is valid: the document as a whole one. */
  document?: ContractDocument;
}

/** Everything there is to say of a contract document. Throws INPUT_TOO_LARGE. */
export async function checkContract(
  input: unknown,
  options: {
    /** Folders in which its schema files are looked for. */
    schemas?: readonly string[];
  } = {},
): Promise<ContractCheck> {
  const { document, errors, warnings } = lookAtContract(input);
  if (!document) {
    return { valid: false, errors: errors.map((e) => ({ code: 'invalid', ...e })), warnings };
  }
  const alone = isPartAlone(input);
  const { schemas, notes } = await schemaFilesOf(document, options.schemas ?? [], alone);
  const judged = (await judgeExamples(document, schemas)).map((n) =>
    alone ? { ...n, path: n.path.slice('/contract'.length) } : n,
  );
  const faults = [...notes, ...judged].filter((n) => n.code === 'schema_invalid');
  return {
    valid: faults.length === 0,
    errors: faults,
    warnings: [
      ...notes.filter((n) => n.code === 'schema_missing'),
      ...warnings,
      ...judged.filter((n) => n.code !== 'schema_invalid'),
    ],
    document,
  };
}
