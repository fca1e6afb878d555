import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HandoffWorkerOptions } from '../worker.js';

/** A user's own parts of a worker; `worker` has the plugins. */
export type Parts = Pick<
  HandoffWorkerOptions,
  'procedures' | 'rules' | 'actions' | 'transformers' | 'phases' | 'worker'
>;
type LoadedParts = Required<Omit<Parts, 'worker'>> & Pick<Parts, 'worker'>;

/** The parts of modules, in their order. `wrong` makes the error for one that cannot be used. */
export async function loadModules(files: readonly string[], wrong: (why: string) => Error): Promise<LoadedParts> {
  const parts = {
    procedures: [] as unknown[],
    rules: [] as unknown[],
    actions: [] as unknown[],
    transformers: [] as unknown[],
    phases: [] as unknown[],
    plugins: [] as unknown[],
  };
  for (const file of files) {
    for (const [name, list] of Object.entries(await loadModule(file, wrong))) {
      if (!Object.hasOwn(parts, name) || !Array.isArray(list)) {
        throw wrong(
          `${file} exports ${name}; possible are the lists procedures, rules, actions, transformers, phases and plugins.`,
        );
      }
      parts[name as keyof typeof parts].push(...(list as unknown[]));
    }
  }
  const { plugins, ...own } = parts;
  return { ...own, ...(plugins.length > 0 ? { worker: { plugins } } : {}) } as LoadedParts;
}

async function loadModule(file: string, wrong: (why: string) => Error): Promise<object> {
  const where = path.resolve(file);
  try {
    const { default: loaded } = (await import(pathToFileURL(where).href)) as { default?: unknown };
    if (typeof loaded === 'object' && loaded !== null) return loaded;
  } catch (error) {
    throw wrong(`The module ${where} could not be loaded: ${(error as Error).message.split('\n')[0]!}`);
  }
  throw wrong(
    `The module ${where} has no object as its default export: export default { procedures, rules, actions, transformers, phases, plugins }.`,
  );
}
