import { HandoffError } from '../core/errors.js';
import { FORMAT_NAME, printable } from '../core/ids.js';
import { inThread } from './evaluator.js';
import { DATA_FORMATS, formatOf } from './formats.js';
import { Unfit, inWords, oneLine, unfit } from './found.js';
import type { Limits } from './limits.js';

/** What a transformer is told besides the content. */
export interface TransformAbout {
  artifact: string;
  from: string;
  to: string;
  /** Aborted once nobody waits for the result. */
  signal: AbortSignal;
}

type Content = string | Uint8Array;

/** Makes one format of another. The same content must give the same result: an attempt that is repeated asks again. */
export interface Transformer {
  from: string;
  to: string;
  transform(content: Buffer, about: TransformAbout): Content | Promise<Content>;
}

/** What a transformer is registered by. */
export const keyOf = (from: string, to: string): string => `${from}_to_${to}`;

/** A transformer of your own, such as `transformer('xml', 'json', (content) => …)`. Throws INVALID_ID. */
export function transformer(from: string, to: string, transform: Transformer['transform']): Transformer {
  for (const id of [from, to])
    if (typeof id !== 'string' || !FORMAT_NAME.test(id))
      throw new HandoffError('INVALID_ID', {
        what: 'Format',
        id: printable(String(id)),
        why: `it must match ${FORMAT_NAME.source}`,
      });
  if (typeof transform !== 'function')
    throw new HandoffError('INVALID_ID', { what: 'Transformer', id: keyOf(from, to), why: 'it has no function' });
  return { from: formatOf('', from), to: formatOf('', to), transform };
}

const BUILTIN: ReadonlySet<string> = new Set(
  DATA_FORMATS.flatMap((from) =>
    [...DATA_FORMATS, 'markdown'].filter((to) => to !== from).map((to) => keyOf(from, to)),
  ),
);

/** All transformers, by `<from>_to_<to>`: the built-in ones, and a user's laid over them. Throws INVALID_ID. */
export class Transformers {
  private readonly own: ReadonlyMap<string, Transformer>;

  constructor(own: readonly Transformer[] = []) {
    this.own = new Map(
      own
        .map((t) => transformer(t.from, t.to, (...given) => t.transform(...given)))
        .map((t) => [keyOf(t.from, t.to), t]),
    );
  }

  get keys(): string[] {
    return [...new Set([...BUILTIN, ...this.own.keys()])].toSorted();
  }

  /** Throws {@link Unfit}: there is none, it failed, or it took too long. */
  async transform(content: Buffer, about: TransformAbout, limits: Limits): Promise<{ key: string; bytes: Buffer }> {
    const key = keyOf(about.from, about.to);
    const own = this.own.get(key);
    if (!own && !BUILTIN.has(key)) throw new Unfit(this.none(key));
    const made = own ? await byOwn(own, content, about, limits) : await byBuiltin(content, about, limits);
    const bytes = typeof made === 'string' ? Buffer.from(made) : Buffer.from(made.buffer, made.byteOffset, made.length);
    if (bytes.length > limits.artifactBytes)
      throw unfit('too_large', `at most ${limits.artifactBytes} bytes from ${key}`, `${bytes.length}`);
    return { key, bytes };
  }

  private none(key: string): Unfit['fault'] {
    const message = `No transformer available: ${key}. There are: ${this.keys.join(', ')}`;
    return { code: 'not_transformable', pointer: '', expected: `a transformer ${key}`, found: 'none', message };
  }
}

async function byBuiltin(bytes: Buffer, { from, to, signal }: TransformAbout, limits: Limits): Promise<Uint8Array> {
  const bounds = { depth: limits.artifactDepth, values: limits.artifactValues };
  const done = await inThread({ turn: { bytes, from, to, bounds, limit: limits.artifactBytes } }, limits, signal);
  if ('unfit' in done) throw new Unfit(done.unfit);
  if ('turned' in done) return done.turned;
  throw new Error('the thread answered something else');
}

async function byOwn(own: Transformer, content: Buffer, about: TransformAbout, limits: Limits): Promise<Content> {
  const key = keyOf(own.from, own.to);
  const late = AbortSignal.timeout(limits.timeMs);
  const signal = AbortSignal.any([about.signal, late]);
  let stop: () => void = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(about.signal.aborted ? (about.signal.reason as Error) : lateFault(key, limits));
    signal.addEventListener('abort', stop);
  });
  try {
    const work = async (): Promise<unknown> => own.transform(content, { ...about, signal });
    const made = await Promise.race([work(), stopped]);
    if (typeof made === 'string' || made instanceof Uint8Array) return made;
    throw unfit('not_transformable', `text or bytes from ${key}`, inWords(made));
  } catch (error) {
    about.signal.throwIfAborted();
    if (error instanceof Unfit) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw unfit('not_transformable', `${key} to work`, `its error: ${oneLine(why)}`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const lateFault = (key: string, { timeMs }: Limits): Unfit =>
  unfit('timed_out', `${key} within ${timeMs / 1000} s`, 'one that takes longer');
