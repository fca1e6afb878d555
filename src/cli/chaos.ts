import { existsSync } from 'node:fs';
import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import { checkProcedure, knownProcedures } from '../client/start.js';
import type { Procedure } from '../core/procedure.js';
import { CHAOS_VICTIMS, cellName, type ChaosCell, type ChaosVictim } from '../core/reliability/chaos.js';
import type { HandoffRequest } from '../core/request.js';
import { parseRequest } from '../core/request-schema.js';
import { asRequest } from '../coordination/request-from.js';
import { cellsOf } from '../reliability/chaos/cells.js';
import { runChaos } from '../reliability/chaos/chaos.js';
import { CHECKED_MODULE } from '../reliability/checker.js';
import checked from '../reliability/checker/parts.js';
import { UsageError } from './failure.js';
import { readDocument } from './input.js';
import type { Answer, Io } from './io.js';
import { withLifetime } from './lifetime.js';
import { loadParts } from './load-parts.js';
import { storageIfThere, type PlaceOptions } from './place.js';
import type { PartsOptions } from './parts-options.js';
import { cellLine, chaosText } from './text/chaos-text.js';

export interface ChaosCommandOptions extends PartsOptions, Pick<PlaceOptions, 'folder'> {
  request?: string;
  from?: string;
  victims?: string;
  only?: string;
  times: number;
  parallel: number;
}

/** `handoff chaos`. Throws PROCEDURE_UNKNOWN, INVALID_PROCEDURE, what reading files throws, and what starting a stack does. */
export async function chaos(name: string, options: ChaosCommandOptions, io: Io): Promise<Answer> {
  const { times, parallel, only = '', module: modules = [] } = options;
  const source = path.resolve(options.from ?? '.');
  const victims = victimsOf(options.victims);
  const { procedure, procedures } = await procedureOf(name, options);
  const request = options.request && (await requestFrom(options.request, source));
  const chosen = (cell: ChaosCell): boolean => cellName(cell).includes(only);
  if (!cellsOf(procedure, victims).some(chosen)) throw new UsageError(`No cell of ${name} has "${only}" in its name.`);
  return withLifetime(async ({ signal }) => {
    const report = await runChaos({
      procedure,
      ...(request ? { request } : {}),
      source,
      victims,
      times,
      parallel,
      parts: { modules: [CHECKED_MODULE, ...modules.map((m) => path.resolve(m))], procedures },
      chosen,
      told: (cell, done, of) => io.say(cellLine(cell, done, of)),
      signal,
    });
    return { json: report, text: `\n${chaosText(io.paint, report)}`, exitCode: report.ok ? 0 : 1 };
  });
}

/**
 * The procedure of that name: the user's own, a standard one, or one that was added to the data folder; and all that a
 * worker needs beside its modules.
 */
async function procedureOf(
  name: string,
  options: ChaosCommandOptions,
): Promise<{ procedure: Procedure; procedures: Procedure[] }> {
  const { procedures: own = [], actions = [], rules = [] } = await loadParts(options);
  const storage = await storageIfThere(options);
  try {
    const catalogue = {
      procedures: [...checked.procedures, ...own],
      actions: [...checked.actions, ...actions].map((a) => a.name),
      rules: rules.map((r) => r.id),
    };
    const known = await knownProcedures(catalogue, storage);
    const found = known.get(name);
    if (!found) throw new HandoffError('PROCEDURE_UNKNOWN', { procedure: name, known: [...known.keys()].join(', ') });
    const procedure = await checkProcedure(found, catalogue, undefined);
    return { procedure, procedures: [procedure] };
  } finally {
    await storage?.close();
  }
}

/** What a request is wrong in is said before anything starts. */
async function requestFrom(file: string, source: string): Promise<HandoffRequest> {
  const request = asRequest((await readDocument(file)) as HandoffRequest);
  const { artifacts } = parseRequest(request, Date.now(), () => 'chaos');
  const missing = artifacts.map((a) => path.resolve(source, a.path)).find((at) => !existsSync(at));
  if (missing !== undefined) throw new UsageError(`There is no ${missing}; --from names the folder of the artifacts.`);
  return request;
}

function victimsOf(list: string | undefined): readonly ChaosVictim[] {
  const asked = list === undefined ? CHAOS_VICTIMS : list.split(',').map((v) => v.trim());
  const unknown = asked.find((v) => !(CHAOS_VICTIMS as readonly string[]).includes(v));
  if (unknown !== undefined)
    throw new UsageError(`--victims: ${unknown} is none; possible are ${CHAOS_VICTIMS.join(', ')}.`);
  return CHAOS_VICTIMS.filter((v) => asked.includes(v));
}
