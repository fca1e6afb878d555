import { z } from 'zod';
import { HANDOFF_ID } from '../../core/ids.js';

/** A whole number as a query has it. */
export const whole = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .meta({ type: 'integer', minimum, maximum, pattern: undefined });

/** True or false as a query has it. */
export const flag = z
  .enum(['true', 'false'])
  .transform((v) => v === 'true')
  .meta({ type: 'boolean', enum: undefined });

/** A time as a query has it, in milliseconds; one before 1970 is as good as 1970. */
export const time = z.iso
  .datetime({ offset: true, error: 'must be a date (ISO 8601, such as 2026-01-13T11:30:00Z)' })
  .transform((v) => Math.max(0, Date.parse(v)));

export const name = z.string().min(1).max(256);

/** The path's parameter of a handoff. Whether it is an id, the engine says. */
export const handoffId = z.strictObject({ handoff_id: z.string().meta({ pattern: HANDOFF_ID.source }) });

/**
 * A document that the engine checks itself, with its own words and before anything else: the service only shows what it
 * looks like. Recursive parts are shown as anything.
 */
export function documentOf(schema: z.ZodType, description: string): z.ZodType {
  const {
    $schema: _,
    $defs: __,
    ...shown
  } = plain(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })) as Record<string, unknown>;
  return z.unknown().meta({ ...shown, description });
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('$ref' in value) return {};
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
}

/** An answer of a known type, of which the document shows what is sure. */
export const answer = <T>(schema: z.ZodType): z.ZodType<T> => schema as z.ZodType<T>;
