import type { SendSpec } from '../core/contract.js';
import { HandoffError } from '../core/errors.js';
import type { ArtifactSpec } from '../core/request.js';
import { locateSource } from '../storage/files.js';
import { formatsOf, readBounded, turn, type Prepared } from './artifact.js';
import { Unfit, faultOf } from './found.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { Transformers, keyOf } from './transformers.js';

export interface PrepareOptions {
  sources: readonly string[];
  transformers?: Transformers;
  limits?: Partial<Limits>;
  signal?: AbortSignal;
}

/**
 * An artifact as it is to arrive: made by a transformer where the contract (`send.format`) or the artifact
 * (`transformTo`) asks for another format than it has; undefined where it arrives as it is. Throws NO_TRANSFORMER,
 * TRANSFORM_FAILED, INPUT_TOO_LARGE, and what the artifact's place is not fit for.
 */
export async function prepareArtifact(
  artifact: ArtifactSpec,
  send: SendSpec | undefined,
  options: PrepareOptions,
): Promise<Prepared | undefined> {
  const formats = formatsOf(artifact, send);
  if (formats.from === formats.to) return undefined;
  const { transformers = new Transformers(), signal = new AbortController().signal } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const file = await locateSource(artifact, options.sources);
  const key = keyOf(formats.from, formats.to);
  try {
    const content = await readBounded(file, limits.artifactBytes, signal);
    return await turn(artifact.name, content, formats, { transformers, limits, signal });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR')
      throw new HandoffError('ARTIFACT_NOT_A_FILE', { artifact: artifact.name, path: file });
    if (!(error instanceof Unfit)) throw error;
    if (error.fault.found === 'none' && error.fault.code === 'not_transformable')
      throw new HandoffError('NO_TRANSFORMER', { transformer: key, known: transformers.keys.join(', ') });
    const why = faultOf(artifact.name, error.fault).message;
    throw new HandoffError('TRANSFORM_FAILED', { transformer: key, why });
  }
}
