import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { PackageContent } from '../core/request.js';
import type { StepTask } from '../core/task.js';
import { contentOf, type Action, type Deps } from './action.js';

/** What a transfer may move that runs with the registration. */
const FILES = 20;
const BYTES = 4 * 1024 * 1024;

/** The built-in actions among all: a user's own may have the name of one. */
const builtin = new WeakSet<Action>();

export const asBuiltin = (action: Action): Action => {
  builtin.add(action);
  return action;
};

/** Whether what a quick action has to do here is little. */
export async function isQuickHere({ storage }: Deps, action: Action, task: StepTask): Promise<boolean> {
  if (!builtin.has(action)) return false;
  if (action.name !== 'transfer') return true;
  const { artifacts, contract } = await contentOf(storage, task.subject);
  return contract === undefined && isLittle(artifacts, storage.sources[0] ?? '.');
}

async function isLittle(artifacts: PackageContent['artifacts'], from: string): Promise<boolean> {
  if (artifacts.length > FILES || artifacts.some((a) => a.transformTo !== undefined)) return false;
  let bytes = 0;
  for (const { path: at } of artifacts) {
    const found = await stat(path.resolve(from, at)).catch(() => undefined);
    // A folder may hold anything. What is not there, the transfer itself says.
    if (!found?.isFile()) return false;
    bytes += found.size;
  }
  return bytes <= BYTES;
}
