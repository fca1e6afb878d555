import { z } from 'zod';
import { NOT_A_DATE, parseDate } from './date.js';
import type { Issue } from './errors.js';
import { ARTIFACT_NAME, PHASE_NAME, fileNameFault, printable } from './ids.js';
import { pointerOf } from './json/pointer.js';

export const TEN_YEARS_MIN = 10 * 365 * 24 * 60;

/** How an address of http or https looks, for who reads a schema: what is no URL all the same is found by `URL`. */
export const HTTP_URL = String.raw`^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,4})?([/?#][^\s\x00-\x1f]*)?$`;

/** A text of a pattern; `what` ends the sentence that says it is none. */
export const id = (pattern: RegExp, what: string) =>
  z
    .string()
    .refine((v) => pattern.test(v), { error: (i) => `${printable(String(i.input))} is not ${what}` })
    .meta({ pattern: pattern.source });

/** A name that becomes one in a folder: of an artifact, of a schema file. */
const fileName = (what: string) =>
  z
    .string()
    .superRefine((name, ctx) => {
      const message = fileNameFault(name, what);
      if (message) ctx.addIssue({ code: 'custom', message });
    })
    .meta({ pattern: ARTIFACT_NAME.source });

export const artifactName = fileName('an artifact name');
export const schemaName = fileName('a schema file name');

/** A date as an ISO string, from one or from a Date. */
export const date = z
  .union([z.string(), z.date()], { error: (i) => `${printable(String(i.input))} ${NOT_A_DATE}` })
  .transform((v, ctx) => {
    const time = typeof v === 'string' ? parseDate(v) : v.getTime();
    if (time === undefined) {
      ctx.addIssue({ code: 'custom', message: `${printable(String(v))} ${NOT_A_DATE}` });
      return z.NEVER;
    }
    return new Date(time).toISOString();
  })
  // What JSON has of it.
  .meta({ type: 'string', format: 'date-time', anyOf: undefined });

/** A phase as a string, from a name or a number. */
export const phase = z
  .union([z.string().meta({ pattern: PHASE_NAME.source }), z.int().min(0)], {
    error: 'must be a name or a whole number from 0',
  })
  .transform(String)
  .pipe(id(PHASE_NAME, 'a phase: letters, digits, ".", "_" or "-", at most 64'));

export const version = z.string().regex(/^\d{1,9}\.\d{1,9}\.\d{1,9}$/, 'must be a version such as 1.0.0');

/** zod's issues as JSON pointers with messages. */
export const issuesOf = (error: z.ZodError): Issue[] =>
  error.issues.map((i) => ({ path: pointerOf(...i.path), message: i.message }));
