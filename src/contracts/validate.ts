import { stat } from 'node:fs/promises';
import type { ContractFault, ContractValidation, SendSpec } from '../core/contract.js';
import { HandoffError } from '../core/errors.js';
import { sha256 } from '../core/digest.js';
import type { ArtifactSpec } from '../core/request.js';
import type { Arrived } from '../storage/arrivals.js';
import { locateSource } from '../storage/files.js';
import { paceFor } from '../storage/transfer/pace.js';
import { printOf } from '../storage/transfer/print.js';
import { formatsOf, readBounded, turn, type Prepared } from './artifact.js';
import { inThread } from './evaluator.js';
import { DATA_FORMATS, formatOf } from './formats.js';
import { Unfit, faultOf, type Found } from './found.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { gatherSchemas, type SchemaPlaces } from './schemas.js';
import { Transformers } from './transformers.js';

export interface ValidateInput {
  /** What the contract says of each artifact, by name. */
  specs: Readonly<Record<string, SendSpec>>;
  /** What is given. */
  artifacts: readonly ArtifactSpec[];
  /** Folders that artifacts may come from. */
  sources: readonly string[];
  schemas: SchemaPlaces;
  /** Those of them that have arrived are looked at where they are. */
  arrived?: ReadonlyMap<string, Arrived>;
  /** Artifacts that came before: what requires one of them has it. */
  present?: ReadonlySet<string>;
  transformers?: Transformers;
  limits?: Partial<Limits>;
  signal?: AbortSignal;
  /** `what is read`: checksums only of what has to be looked into, for a caller who tells the others later. Default `all`. */
  hashes?: 'all' | 'what is read';
  /** Gets what a transformer made, before it is forgotten. */
  keep?: (artifact: string, prepared: Prepared) => Promise<void>;
}

export interface Validated extends ContractValidation {
  /** Of what was read as a whole: what it was that the verdict is about. */
  digests: ReadonlyMap<string, string>;
}

interface Using extends Omit<ValidateInput, 'limits' | 'signal' | 'transformers'> {
  limits: Limits;
  signal: AbortSignal;
  transformers: Transformers;
}

/** What a look at one artifact found. */
class Notes {
  readonly errors: ContractFault[] = [];
  readonly warnings: ContractFault[] = [];
  there = false;
  digest: string | undefined;

  constructor(readonly name: string) {}

  fault(code: Found['code'], expected: string, found: string): void {
    this.add({ code, pointer: '', expected, found });
  }
  add(found: Found): void {
    this.errors.push(faultOf(this.name, found));
  }
  warn(code: Found['code'], expected: string, found: string): void {
    this.warnings.push(faultOf(this.name, { code, pointer: '', expected, found }));
  }
}

/**
 * Looks at artifacts as a contract describes them, and finds all faults at once: in the contract's order, then by their
 * place. What a transformer would make is looked at as it would arrive. It changes nothing. Throws only the signal's
 * reason, and what no artifact is to blame for.
 */
export async function validateArtifacts(input: ValidateInput): Promise<Validated> {
  const using: Using = {
    ...input,
    limits: { ...DEFAULT_LIMITS, ...input.limits },
    signal: input.signal ?? new AbortController().signal,
    transformers: input.transformers ?? new Transformers(),
  };
  const given = new Map(input.artifacts.map((a) => [a.name, a]));
  const all: Notes[] = [];
  for (const [name, spec] of Object.entries(input.specs)) {
    using.signal.throwIfAborted();
    const notes = new Notes(name);
    all.push(notes);
    await lookAt(notes, spec, given.get(name), using);
  }
  const there = new Set(all.filter((n) => n.there).map((n) => n.name));
  for (const notes of all.filter((n) => n.there))
    for (const needed of new Set(input.specs[notes.name]!.requires))
      if (!there.has(needed) && !input.present?.has(needed))
        notes.fault('missing_dependency', `${needed}, which it requires`, 'nothing');
  for (const { name } of input.artifacts) {
    if (Object.hasOwn(input.specs, name)) continue;
    const notes = new Notes(name);
    notes.warn('unknown_artifact', 'an artifact that the contract names', 'one that it does not');
    all.push(notes);
  }
  const errors = all.flatMap((n) => n.errors);
  return {
    valid: errors.length === 0,
    errors,
    warnings: all.flatMap((n) => n.warnings),
    artifacts_available: [...there],
    digests: new Map(all.flatMap((n) => (n.digest ? [[n.name, n.digest] as const] : []))),
  };
}

const NEITHER = 'neither file nor directory';

async function lookAt(notes: Notes, spec: SendSpec, artifact: ArtifactSpec | undefined, using: Using): Promise<void> {
  const wanted = spec.type ?? 'file';
  const missing = (found: string): void => {
    if (spec.required === false) notes.warn('missing_artifact', `a ${wanted}, where there is one`, found);
    else notes.fault('missing_artifact', `a ${wanted} that is required`, found);
  };
  if (!artifact) return missing('none of that name');
  const arrived = using.arrived?.get(artifact.name);
  try {
    const at = arrived?.path ?? (await locateSource(artifact, using.sources));
    const stats = await stat(at);
    const kind = stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : undefined;
    if (kind !== wanted) return notes.fault('wrong_kind', `a ${wanted}`, kind ? `a ${kind}` : NEITHER);
    if (kind === 'file') await lookAtFile(notes, spec, artifact, at, arrived, using);
    else await lookAtDirectory(notes, spec, artifact, at, arrived, using);
    notes.there = true;
  } catch (error) {
    using.signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ARTIFACT_MISSING' || code === 'ENOENT' || code === 'ENOTDIR')
      return missing(`nothing at ${artifact.path}`);
    if (code === 'ARTIFACT_NOT_A_FILE') return notes.fault('wrong_kind', `a ${wanted}`, NEITHER);
    if (code === 'PATH_NOT_ALLOWED')
      return notes.fault('unreadable_artifact', `a path below ${using.sources.join(' or ')}`, artifact.path);
    if (error instanceof HandoffError)
      return notes.fault('unreadable_artifact', 'an artifact that can be read', error.message);
    if (error instanceof Unfit || !code) throw error;
    notes.fault('unreadable_artifact', 'a file that can be read', `${code} at ${artifact.path}`);
  }
}

/** The digest of what only has to be whole, in constant memory. */
async function digestOf(artifact: string, at: string, { signal }: Using): Promise<string> {
  const found = await printOf(at, { artifact, pace: paceFor(signal) });
  if (!found) throw new HandoffError('ARTIFACT_MISSING', { artifact, path: at });
  return found.sha256;
}

function compare(notes: Notes, expected: string | undefined, found: string, of = ''): void {
  if (expected && expected.toLowerCase() !== found) notes.fault('checksum_mismatch', `sha256 ${expected}${of}`, found);
}

function compareAll(
  notes: Notes,
  spec: SendSpec,
  artifact: ArtifactSpec,
  arrived: Arrived | undefined,
  found: string,
  original: string,
): void {
  if (arrived) compare(notes, arrived.sha256, found, ', as it arrived');
  compare(notes, artifact.sha256, arrived?.originalSha256 ?? original);
  if (spec.checksum?.toLowerCase() !== artifact.sha256?.toLowerCase() || found !== original)
    compare(notes, spec.checksum, found, ', as the contract says');
}

/**
 * What is not read is compared with the artifact's own checksum by whoever reads it: it keeps the contract's as well only
 * where both say the same.
 */
function compareDeclared(notes: Notes, spec: SendSpec, artifact: ArtifactSpec, using: Using): void {
  if (using.hashes === 'what is read' && artifact.sha256 !== undefined && !using.arrived?.has(artifact.name))
    compare(notes, spec.checksum, artifact.sha256.toLowerCase(), ', as the contract says');
}

async function lookAtDirectory(
  notes: Notes,
  spec: SendSpec,
  artifact: ArtifactSpec,
  folder: string,
  arrived: Arrived | undefined,
  using: Using,
): Promise<void> {
  const { to } = formatsOf({ ...artifact, path: '' }, spec);
  if (to !== 'binary' && !arrived) notes.fault('not_transformable', `a file, to become ${to}`, 'a directory');
  if (spec.schema !== undefined || spec.required_fields?.length)
    notes.fault('not_parseable', 'a file, which can be looked into', 'a directory');
  compareDeclared(notes, spec, artifact, using);
  if (using.hashes === 'what is read' || !(artifact.sha256 ?? spec.checksum ?? arrived?.sha256)) return;
  const digest = await digestOf(notes.name, folder, using);
  compareAll(notes, spec, artifact, arrived, digest, digest);
}

async function lookAtFile(
  notes: Notes,
  spec: SendSpec,
  artifact: ArtifactSpec,
  file: string,
  arrived: Arrived | undefined,
  using: Using,
): Promise<void> {
  const formats = formatsOf(artifact, spec);
  const turned = !arrived && formats.from !== formats.to;
  const mustLook = spec.schema !== undefined || Boolean(spec.required_fields?.length);
  // A format that the contract names is looked at; one that only the file's name tells is not.
  const mayLook = spec.format !== undefined && (DATA_FORMATS as readonly string[]).includes(formats.to);
  const bytes = mustLook || mayLook || turned ? await contentOf(notes, file, mustLook || turned, using) : undefined;
  const declared = artifact.sha256 ?? spec.checksum ?? arrived?.sha256;
  const later = using.hashes === 'what is read';
  const original = bytes ? sha256(bytes) : declared && !later ? await digestOf(notes.name, file, using) : undefined;
  if (bytes && original) notes.digest = original;
  else compareDeclared(notes, spec, artifact, using);
  let content = bytes;
  try {
    if (bytes && turned) {
      const prepared = await turn(notes.name, bytes, formats, using);
      content = prepared.bytes;
      await using.keep?.(notes.name, prepared);
    }
    if (original) compareAll(notes, spec, artifact, arrived, content && turned ? sha256(content) : original, original);
    const format = arrived ? formatOf(artifact.path, arrived.format ?? formats.to) : formats.to;
    if (content && (mustLook || mayLook)) await lookInto(notes, spec, content, format, using);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    notes.add(error.fault);
  }
}

async function contentOf(notes: Notes, file: string, must: boolean, using: Using): Promise<Buffer | undefined> {
  try {
    return await readBounded(file, using.limits.artifactBytes, using.signal);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    const { code, expected, found } = error.fault;
    if (must) notes.fault(code, expected, found);
    else notes.warn(code, expected, found);
    return undefined;
  }
}

/** The schema may be at fault and a field missing as well, so both are looked at. */
async function lookInto(notes: Notes, spec: SendSpec, bytes: Buffer, format: string, using: Using): Promise<void> {
  const { limits, signal } = using;
  let schema;
  try {
    if (spec.schema !== undefined) schema = await gatherSchemas(spec.schema, using.schemas, limits);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    notes.add(error.fault);
  }
  const requiredFields = spec.required_fields ?? [];
  const look = {
    bytes,
    format,
    bounds: { depth: limits.artifactDepth, values: limits.artifactValues },
    requiredFields,
    limit: limits.faults,
    ...(schema ? { schema } : {}),
  };
  const done = await inThread({ look }, limits, signal);
  if ('unfit' in done) throw new Unfit(done.unfit);
  if (!('seen' in done)) throw new Error('the thread answered something else');
  for (const found of done.seen.faults) notes.add(found);
  if (done.seen.more > 0)
    notes.fault('too_large', `at most ${limits.faults} faults`, `${done.seen.more} more, which are not listed`);
}
