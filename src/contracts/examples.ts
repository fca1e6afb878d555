import { CONTRACT_SIDES, type ContractDocument, type ContractNote, type SendSpec } from '../core/contract.js';
import { pointerOf } from '../core/json/pointer.js';
import { inThread } from './evaluator.js';
import { Unfit, faultOf, type Found } from './found.js';
import { DEFAULT_LIMITS } from './limits.js';
import { gatherSchemas } from './schemas.js';

/** Examples may break a schema in many places; the first few tell enough. */
const MOST_NOTES = 10;

/**
 * Judges the schemas of a contract document by themselves, and its examples by them. `schemas` are those that are there, by
 * file name. `schema_invalid`: nothing can be checked by it; all else is of an example. Paths are of a whole document.
 */
export async function judgeExamples(
  document: ContractDocument,
  schemas: Readonly<Record<string, unknown>>,
): Promise<ContractNote[]> {
  const notes: ContractNote[] = [];
  for (const side of CONTRACT_SIDES)
    for (const [name, spec] of Object.entries(document.contract[side] ?? {})) {
      if (spec.schema === undefined) continue;
      if (typeof spec.schema === 'string' && !Object.hasOwn(schemas, spec.schema)) continue;
      const place = pointerOf('contract', side, name);
      for (const found of await lookAtExample(spec, schemas)) {
        const isSchema = found.code !== 'schema_violation' && found.code !== 'wrong_type';
        if (isSchema || spec.example !== undefined)
          notes.push({
            code: isSchema ? 'schema_invalid' : 'example_invalid',
            path: isSchema ? `${place}/schema` : `${place}/example${found.pointer}`,
            message: faultOf(isSchema ? 'the schema' : 'the example', found).message,
          });
      }
    }
  return notes;
}

async function lookAtExample(spec: SendSpec, pinned: Readonly<Record<string, unknown>>): Promise<Found[]> {
  const limits = DEFAULT_LIMITS;
  try {
    const schema = await gatherSchemas(spec.schema!, { pinned, folders: [] }, limits);
    const look = {
      bytes: Buffer.from(JSON.stringify(spec.example ?? null)),
      format: 'json',
      bounds: { depth: limits.artifactDepth, values: limits.artifactValues },
      requiredFields: [],
      limit: MOST_NOTES,
      schema,
    };
    const done = await inThread({ look }, limits, new AbortController().signal);
    if ('unfit' in done) return [done.unfit];
    return 'seen' in done ? done.seen.faults : [];
  } catch (error) {
    if (error instanceof Unfit) return [error.fault];
    throw error;
  }
}
