import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ReturnSpec } from '../../src/core/contract.js';
import type { HandoffRequest } from '../../src/core/request.js';
import type { SubmitReturnAnswer } from '../../src/messages.js';
import { newId, startWork } from '../rig/parts.js';
import { AGENTS, type Rig } from '../rig/rig.js';

/** The target, who owes the returns. */
export const by = AGENTS.target;

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Starts a handoff whose contract expects returns; its source has a phase of its own, where they arrive. */
export async function starts(
  rig: Rig,
  expects_in_return: Record<string, ReturnSpec>,
  over: Partial<HandoffRequest> & { procedure?: 'WORK_AND_ASK' | 'WORK_ONLY' | 'WORK_OR_HOLD'; rounds?: number } = {},
): Promise<string> {
  const { procedure = 'WORK_AND_ASK', rounds, ...more } = over;
  const handoffId = over.handoffId ?? newId();
  const contract = { expects_in_return, ...(rounds === undefined ? {} : { max_return_rounds: rounds }) };
  const source = { agent: AGENTS.source, phase: `src-${handoffId}` };
  return startWork(rig, procedure, { source, contract, ...more, handoffId });
}

/** The same, offered and accepted at epoch 1. */
export async function accepts(
  rig: Rig,
  expects: Record<string, ReturnSpec>,
  over: Parameters<typeof starts>[2] & { leaseMinutes?: number } = {},
): Promise<string> {
  const { leaseMinutes, ...more } = over;
  const id = await starts(rig, expects, more);
  await rig.untilStatus(id, 'awaiting_acceptance');
  await rig.client.accept(id, { by, ...(leaseMinutes === undefined ? {} : { leaseMinutes }) });
  return id;
}

/** Writes files of the agent's, and hands them in. */
export async function submits(
  rig: Rig,
  id: string,
  files: Record<string, string>,
  over: { epoch?: number; by?: string } = {},
): Promise<SubmitReturnAnswer> {
  return rig.client.submitReturn(id, { by, epoch: 1, artifacts: await written(rig, id, files), ...over });
}

export async function written(
  rig: Rig,
  id: string,
  files: Record<string, string>,
): Promise<{ name: string; path: string }[]> {
  await mkdir(path.join(rig.folder, 'in', id), { recursive: true });
  const artifacts = Object.keys(files).map((name) => ({ name, path: path.join(id, name) }));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(rig.folder, 'in', id, name), text);
  return artifacts;
}

/** Where returned artifacts arrive. */
export const back = (rig: Rig, id: string, name = ''): string =>
  path.join(rig.storage.root, 'artifacts', `phase_src-${id}`, name);

/** What lies there, with modes; undefined where there is no such folder. */
export function lying(rig: Rig, id: string): Record<string, string> | undefined {
  const folder = back(rig, id);
  if (!existsSync(folder)) return undefined;
  return Object.fromEntries(
    readdirSync(folder).map((name) => {
      const at = path.join(folder, name);
      return [name, `${readFileSync(at, 'utf8')} ${(statSync(at).mode & 0o777).toString(8)}`];
    }),
  );
}

/** Something of the source's own that stands where a return arrives. */
export async function occupy(rig: Rig, id: string, name: string): Promise<void> {
  await mkdir(back(rig, id), { recursive: true });
  await writeFile(back(rig, id, name), 'an older one');
  await chmod(back(rig, id, name), 0o640);
}

/** The ledger's rows of what was returned: `<epoch>/<name> <status>`. */
export const returned = async (rig: Rig, id: string): Promise<string[]> =>
  (await rig.client.effects(id))
    .filter((e) => e.step === 'Returns')
    .map((e) => `${e.key.split('/').slice(2).join('/')} ${e.status}`);

/** Asks until the answer fits; `expect.poll` cannot be used in tests that run at the same time. */
export async function eventually<T>(ask: () => Promise<T> | T, fits: (answer: T) => boolean, ms = 40_000): Promise<T> {
  for (const end = Date.now() + ms; ;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (Date.now() > end) throw new Error(`it stayed ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
