import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Deps } from '../../src/activities/action.js';
import { createParts, runAction } from '../../src/activities/index.js';
import { undoEffects } from '../../src/activities/undo.js';
import type { UndoResult } from '../../src/core/handoff.js';
import type { ArtifactSpec } from '../../src/core/request.js';
import type { StepTask, UndoChoice } from '../../src/core/task.js';
import { openStorage, type Storage, type StorageOptions } from '../../src/storage/storage.js';

interface BringOptions {
  phase?: string;
  signal?: AbortSignal;
  stopBy?: number;
  progress?: (details: Record<string, unknown>) => void;
}

let count = 0;

/** A storage with one source folder, and the transfer's activities called as a worker calls them. */
export class Corner {
  private constructor(
    readonly folder: string,
    readonly storage: Storage,
    readonly deps: Deps,
  ) {}

  static async open(options: StorageOptions = {}): Promise<Corner> {
    const folder = mkdtempSync(path.join(tmpdir(), 'handoff-transfer-'));
    mkdirSync(path.join(folder, 'in'));
    const storage = await openStorage({
      folder: path.join(folder, 'data'),
      sources: [path.join(folder, 'in')],
      ...options,
    });
    return new Corner(folder, storage, createParts({ storage }));
  }

  /** A path in the source folder. */
  in(...parts: string[]): string {
    return path.join(this.folder, 'in', ...parts);
  }

  /** Where artifacts of a target phase arrive. */
  out(phase: string, ...parts: string[]): string {
    return path.join(this.storage.root, 'artifacts', `phase_${phase}`, ...parts);
  }

  newId = (): string => `t-${++count}`;

  async task(id: string, artifacts: readonly ArtifactSpec[], phase = 'x'): Promise<StepTask> {
    const content = JSON.stringify({ artifacts, context: {}, metadata: {} });
    return {
      subject: {
        handoffId: id,
        session: id,
        type: 'PHASE_TRANSITION',
        priority: 'normal',
        source: { phase: '1' },
        target: { phase },
        procedure: { id: 'TEST', version: '1', digest: '' },
        requestDigest: '',
        package: await this.storage.blobs.put(content, 'application/json'),
      },
      step: 'bring',
      action: 'transfer',
      epoch: 1,
      rules: [],
      with: { what: ['artifacts'] },
      stopAt: 'high',
      severities: {},
      irreversible: false,
    };
  }

  /** One attempt at a transfer; its facts. */
  async bring(
    id: string,
    artifacts: readonly ArtifactSpec[],
    { phase = 'x', signal = new AbortController().signal, stopBy = Infinity, progress = () => {} }: BringOptions = {},
  ): Promise<Record<string, unknown>> {
    const task = await this.task(id, artifacts, phase);
    return runAction(this.deps, this.deps.actions.get('transfer')!, task, signal, { progress, stopBy });
  }

  /** Undoes all that a handoff did, as a rollback does. */
  async takeBack(id: string, choices: Record<string, UndoChoice> = {}): Promise<UndoResult[]> {
    await this.storage.steps.shut(id, []);
    const keys = (await this.storage.ledger.toUndo(id, 1000)).map((e) => e.key);
    const { subject } = await this.task(id, []);
    return undoEffects(this.deps, { subject, keys, choices }, new AbortController().signal);
  }

  async close(): Promise<void> {
    await this.storage.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
