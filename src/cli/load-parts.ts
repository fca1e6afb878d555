import type { Procedure } from '../core/procedure.js';
import { loadModules, type Parts } from '../worker/load-module.js';
import { UsageError } from './failure.js';
import { readDocument } from './input.js';
import type { PartsOptions } from './parts-options.js';

export type { Parts } from '../worker/load-module.js';

export async function loadParts({ procedures = [], module = [] }: PartsOptions): Promise<Parts> {
  const own: Procedure[] = [];
  for (const file of procedures) own.push((await readDocument(file)) as Procedure);
  const parts = await loadModules(module, (why) => new UsageError(why));
  return { ...parts, procedures: [...own, ...parts.procedures] };
}
