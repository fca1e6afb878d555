import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Subject } from '../../src/core/request.js';
import type { Arrival } from '../../src/storage/manifest/manifest.js';
import { openStorage, type Storage } from '../../src/storage/storage.js';

/** A storage for the tests of one file, opened before and removed after them. */
export function storagePlace(): { readonly folder: string; readonly storage: Storage } {
  let folder = '';
  let storage: Storage | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'handoff-storage-'));
    storage = await openStorage({ folder });
  });
  afterAll(async () => {
    await storage?.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return folder;
    },
    get storage() {
      return storage!;
    },
  };
}

export const subjectOf = (handoffId: string, over: Partial<Subject> = {}): Subject => ({
  handoffId,
  session: `s-${handoffId}`,
  type: 'PHASE_TRANSITION',
  priority: 'normal',
  source: { phase: '8' },
  target: { phase: '13' },
  procedure: { id: 'SOME_PROCEDURE', version: '1.0.0', digest: 'd' },
  requestDigest: 'r',
  ...over,
});

/** An arrival as a transfer would tell of it. */
export const arrivalOf = (handoff: string, over: Partial<Arrival> = {}): Arrival => ({
  key: `${handoff}/files/1/${over.name ?? 'design.json'}`,
  handoff,
  session: `s-${handoff}`,
  name: 'design.json',
  kind: 'file',
  source: { agent: '@code-architect', phase: '8' },
  target: { agent: '@nodejs-specialist', phase: '13' },
  originalPath: `/in/${handoff}/design.json`,
  originalSha256: 'a'.repeat(64),
  path: `/root/${handoff}/design.json`,
  sha256: over.originalSha256 ?? 'a'.repeat(64),
  size: 2048,
  files: 1,
  ...over,
});
