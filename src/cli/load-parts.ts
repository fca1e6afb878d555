import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Procedure } from '../core/procedure.js';
import type { HandoffWorkerOptions } from '../worker.js';
import { UsageError } from './failure.js';
import { readDocument } from './input.js';
import type { PartsOptions } from './parts-options.js';

/** A user's own parts of a worker. */
export type Parts = Pick<
  HandoffWorkerOptions,
  'procedures' | 'rules' | 'actions' | 'transformers' | 'phases' | 'worker'
>;

export async function loadParts({ procedures = [], module = [] }: PartsOptions): Promise<Parts> {
  const parts = {
    procedures: [] as Procedure[],
    rules: [] as unknown[],
    actions: [] as unknown[],
    transformers: [] as unknown[],
    phases: [] as unknown[],
    plugins: [] as unknown[],
  };
  for (const file of procedures) parts.procedures.push((await readDocument(file)) as Procedure);
  for (const file of module) {
    const loaded = await loadModule(file);
    for (const [name, list] of Object.entries(loaded)) {
      if (!Object.hasOwn(parts, name) || !Array.isArray(list)) {
        throw new UsageError(
          `${file} exports ${name}; possible are the lists procedures, rules, actions, transformers, phases and plugins.`,
        );
      }
      parts[name as keyof typeof parts].push(...(list as never[]));
    }
  }
  const { plugins, ...own } = parts;
  return { ...own, ...(plugins.length > 0 ? { worker: { plugins } } : {}) } as Parts;
}

async function loadModule(file: string): Promise<object> {
  const where = path.resolve(file);
  try {
    const { default: loaded } = (await import(pathToFileURL(where).href)) as { default?: unknown };
    if (typeof loaded === 'object' && loaded !== null) return loaded;
  } catch (error) {
    throw new UsageError(`The module ${where} could not be loaded: ${(error as Error).message.split('\n')[0]!}`);
  }
  throw new UsageError(
    `The module ${where} has no object as its default export: export default { procedures, rules, actions, transformers, phases, plugins }.`,
  );
}
