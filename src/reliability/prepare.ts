import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import { parseText } from '../core/json/parse-text.js';
import { parseProcedure } from '../core/procedure-schema.js';
import type { Procedure } from '../core/procedure.js';
import { settingsOf, type ReliabilityOptions, type ReliabilitySettings } from '../core/reliability/settings.js';
import { parseRequest } from '../core/request-schema.js';
import { STANDARD_PROCEDURES } from '../core/standard-procedures.js';
import type { Storage } from '../storage/storage.js';
import { loadModules } from '../worker/load-module.js';
import { checkFaults } from './choose-faults.js';

const invalid = (issues: string): HandoffError => new HandoffError('INVALID_RELIABILITY_TEST', { issues });

/**
 * All that a test will do, checked before anything begins: numbers, faults, the user's parts, their request. `place`: the
 * storage that knows their procedures. Throws RELIABILITY_UNKNOWN, INVALID_RELIABILITY_TEST, PROCEDURE_UNKNOWN,
 * INVALID_PROCEDURE, INVALID_REQUEST.
 */
export async function prepared(
  configuration: string,
  options: ReliabilityOptions,
  place: Storage | undefined,
): Promise<ReliabilitySettings> {
  const settings = settingsOf(configuration, options, () => randomInt(2 ** 31));
  checkFaults(settings);
  const { request } = settings;
  if (request)
    parseRequest({ ...request, procedure: settings.procedure ?? request['procedure'] }, Date.now(), () => 'ho_1');
  const given = await givenProcedures(settings);
  const asked = settings.procedure ?? (request?.['procedure'] as string | undefined);
  const known = [...STANDARD_PROCEDURES, ...given];
  if (asked === undefined || known.some((p) => p.procedure_id === asked)) return { ...settings, definitions: given };
  const stored = await place?.procedures.find(asked);
  if (stored) return { ...settings, definitions: [...given, stored.procedure] };
  const here = (await place?.procedures.list()) ?? [];
  const names = [...known, ...here.map((p) => p.procedure)].map((p) => p.procedure_id);
  throw new HandoffError('PROCEDURE_UNKNOWN', { procedure: asked, known: names.join(', ') });
}

/** The procedures of the user's files and modules. */
async function givenProcedures({ procedures = [], modules = [] }: ReliabilityOptions): Promise<Procedure[]> {
  const files = await Promise.all(
    procedures.map(async (file) => {
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        throw invalid(`/procedures: ${path.resolve(file)} cannot be read: ${error.code ?? error.message}`);
      });
      return parseText(text, file);
    }),
  );
  const parts = await loadModules(modules, (why) => invalid(`/modules: ${why}`));
  return [...files, ...parts.procedures].map((p) => parseProcedure(p));
}
