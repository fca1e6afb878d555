import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { HandoffError } from '../../src/core/errors.js';
import type { ContextEntrySerialized, PipelineHandoffPackage } from '../../src/core/package/package.js';
import { newPackageId, sealPackage, type PackageKey } from '../../src/storage/packages/seal.js';
import type { UnsealedPackage } from '../../src/storage/packages/written.js';

const entryOf = (key: string, value: unknown): ContextEntrySerialized => ({
  key,
  value: JSON.stringify(value),
  metadata: { source: '@architect', tags: ['design'], createdAt: '2026-11-01T10:00:00.000Z', version: 1 },
});

const unsealed = (over: Partial<UnsealedPackage> = {}): UnsealedPackage => ({
  id: newPackageId(),
  sessionId: 'shop',
  cloneId: 'clone-1',
  createdAt: new Date('2026-11-20T12:30:00.250Z'),
  sourcePhase: 'analysis',
  targetPhase: 'synthesis',
  context: { entries: [entryOf('architecture', { api: 'rest' }), entryOf('naïve/ключ', 'Grüße, 世界 🎉')] },
  checkpoint: { phase: 'analysis', step: 2, totalSteps: 5, status: 'paused', resumePoint: 'analysis:2' },
  metadata: { version: '1.0.0', pipelineVersion: '1.0.0', createdBy: 'system', reason: 'manual' },
  ...over,
});

export const packageOf = (over: Partial<UnsealedPackage> = {}, key?: PackageKey): PipelineHandoffPackage =>
  sealPackage(unsealed(over), key);

/** A folder for one file of tests, gone after them; `under()` is a new one in it. */
export function corner(): { under: () => string } {
  let [folder, count] = ['', 0];
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'handoff-packages-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return { under: () => path.join(folder, String(++count)) };
}

/** The error that a call throws, as one line. */
export const codeAndText = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return 'no error';
  } catch (error) {
    return error instanceof HandoffError ? `${error.code}: ${error.message}` : `not ours: ${String(error)}`;
  }
};
