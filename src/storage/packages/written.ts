import { canonicalBytes, canonicalText } from '../../core/json/canonical.js';
import { HandoffError } from '../../core/errors.js';
import type { IntegrityCheck, PipelineHandoffPackage } from '../../core/package/package.js';

/** How deep what is in a package may be nested. */
export const MAX_DEPTH = 100;
/** How many values it may hold: what parsed takes a hundred times its text would end the process. */
export const MAX_VALUES = 4_000_000;

/** A package before its integrity is known. Size and checksum of its context are computed with it. */
export type UnsealedPackage = Omit<PipelineHandoffPackage, 'integrity' | 'context'> & {
  context: Omit<PipelineHandoffPackage['context'], 'size' | 'checksum'>;
};

/** A package's JSON, dates as texts. */
export type WrittenPackage = Record<string, unknown>;

/** The canonical text of a package without the entries of its context and without its integrity block. */
export type Frame = [head: Uint8Array, middle: Uint8Array, tail: Uint8Array];

const COMMA_AND_NAME = ',"integrity":';

/** The JSON form of a package that is otherwise right. Throws INVALID_PACKAGE for a date that is none. */
export function writtenForm(handoff: UnsealedPackage | PipelineHandoffPackage): WrittenPackage {
  const { metadata } = handoff;
  const until = metadata?.expiresAt;
  return {
    ...handoff,
    createdAt: dateText(handoff.createdAt, '/createdAt'),
    ...(metadata && {
      metadata: until === undefined ? metadata : { ...metadata, expiresAt: dateText(until, '/metadata/expiresAt') },
    }),
  };
}

function dateText(date: unknown, at: string): string {
  if (date instanceof Date && !Number.isNaN(date.getTime())) return date.toISOString();
  throw new HandoffError('INVALID_PACKAGE', { issues: `${at}: must be a Date` });
}

/** The other way round: dates are dates again. `written` fits the schema. */
export function fromWrittenForm(written: WrittenPackage): PipelineHandoffPackage {
  const { createdAt, metadata } = written as { createdAt: string; metadata: { expiresAt?: string } };
  const until = metadata.expiresAt;
  return {
    ...(written as unknown as PipelineHandoffPackage),
    createdAt: new Date(createdAt),
    metadata: {
      ...(metadata as unknown as PipelineHandoffPackage['metadata']),
      ...(until === undefined ? {} : { expiresAt: new Date(until) }),
    },
  };
}

/** The canonical JSON of a context's entries, in pieces. Throws INVALID_PACKAGE, naming the place of what is no JSON. */
export const entriesOf = (entries: readonly unknown[]): Uint8Array[] =>
  asPackage(() => canonicalBytes(entries, { ...LIMITS, at: ['context', 'entries'] }));

/** What stands before and after the entries, and after the integrity block. */
export function frameOf(written: WrittenPackage): Frame {
  const entries: unknown[] = [];
  const integrity = {};
  const context = { ...(written['context'] as object), entries };
  const marked = new Set<object>([entries, integrity]);
  const text = asPackage(() => canonicalText({ ...written, context, integrity }, { ...LIMITS, marked }));
  const [head = '', , middle = '', , tail = ''] = text.split('\0');
  return [Buffer.from(head), Buffer.from(middle.slice(0, -COMMA_AND_NAME.length)), Buffer.from(tail)];
}

const LIMITS = { strict: true, maxDepth: MAX_DEPTH, maxValues: MAX_VALUES };

function asPackage<T>(write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (error instanceof RangeError)
      throw new HandoffError('INVALID_PACKAGE', { issues: 'it is larger than a text can be' });
    if (!(error instanceof HandoffError && error.code === 'INVALID_JSON')) throw error;
    const { source, why } = error.params as { source: string; why: string };
    throw new HandoffError('INVALID_PACKAGE', { issues: `${source}: ${why}` });
  }
}

/** What stands between middle and tail in a file. What is set on receipt is left out. */
export function integrityBlock({ algorithm, checksum, signature }: IntegrityCheck): Uint8Array {
  return Buffer.from(`${COMMA_AND_NAME}${canonicalText({ algorithm, checksum, signature })}`);
}
