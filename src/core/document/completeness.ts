import type { Issue } from '../errors.js';
import type { NormalRequest, PackageContent } from '../request.js';

const isSaid = (v: unknown): boolean =>
  typeof v === 'string' ? v.trim() !== '' : Array.isArray(v) && v.some((item) => isSaid(item));

/**
 * What an agent would have to ask before it can begin: an agent handoff without a task, an expected output (which a contract
 * that expects returns says as well) or a criterion by which it is done. Others may say as little as they like.
 */
export function missingOf(
  { type, instructions }: Pick<NormalRequest, 'type' | 'instructions'>,
  contract?: PackageContent['contract'],
): Issue[] {
  if (type !== 'AGENT_HANDOFF') return [];
  const given = typeof instructions === 'string' ? { task: instructions } : instructions;
  const { task, expectedOutput, doneCriteria } = (given ?? {}) as Record<string, unknown>;
  const expects = isSaid(expectedOutput) || Object.keys(contract?.returns ?? {}).length > 0;
  return [
    ...(isSaid(task) ? [] : [{ path: '/instructions/task', message: 'no task is named' }]),
    ...(expects ? [] : [{ path: '/instructions/expectedOutput', message: 'it is not said what is expected back' }]),
    ...(isSaid(doneCriteria)
      ? []
      : [{ path: '/instructions/doneCriteria', message: 'it is not said how to tell that it is done' }]),
  ];
}
