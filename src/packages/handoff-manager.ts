import { setImmediate as turn } from 'node:timers/promises';
import { HandoffError, type ErrorCode } from '../core/errors.js';
import { checkPackage } from '../core/package/package-schema.js';
import { checkPackageVersion } from '../core/package/version.js';
import {
  MERGE_STRATEGIES,
  PACKAGE_VERSION,
  packageStatus,
  type HandoffStorage,
  type MergeStrategy,
  type PhaseCheckpoint,
  type PipelineHandoffPackage,
  type PipelinePhase,
  type RestoreConflict,
} from '../core/package/package.js';
import { FileHandoffStorage } from '../storage/packages/file-storage.js';
import { newPackageId, packageFault, sealPackage, type PackageKey } from '../storage/packages/seal.js';
import { writtenForm, type UnsealedPackage } from '../storage/packages/written.js';
import type { KnownEntry } from '../storage/context.js';
import type { Queries } from '../storage/database.js';
import { Sessions } from '../storage/sessions.js';
import type { ContextManager } from './context-manager.js';
import { merge } from './merge.js';
import { checkBudget, parseContext, serializedEntry } from './serialize.js';
import type { EntryFilter } from './shared-context.js';

const MAX_BYTES = 64 * 1024 * 1024;

export interface HandoffManagerOptions {
  /** Signs and checks packages; for a storage that does not do it with a key of its own. */
  key?: PackageKey;
}

/** What a package is to say, and which entries it carries: all, where no filter is given. */
export interface CreateHandoffOptions extends EntryFilter {
  cloneId: string;
  sourcePhase: PipelinePhase;
  targetPhase: PipelinePhase;
  /** Default `system`. */
  createdBy?: string;
  /** Default `manual`. */
  reason?: string;
  /** Neither: it never expires. */
  expiresAt?: Date;
  expiresInMinutes?: number;
  /** What it lacks: paused in the source phase, to go on at the target phase. */
  checkpoint?: Partial<PhaseCheckpoint>;
  /** What the package says of the pipeline that makes it. Default `1.0.0`. */
  pipelineVersion?: string;
  /** Of the entries as canonical JSON. Default 64 MB. */
  maxBytes?: number;
  /** What else its metadata says. */
  metadata?: Record<string, unknown>;
  /** Of a session that has no context the package has no entries, instead of an error. */
  orEmpty?: boolean;
  /** Default: a new one. The same id again replaces the package, as an attempt that is repeated should. */
  id?: string;
}

export interface ReceiveHandoffOptions {
  /** What happens to entries that are there with other values. Default `overwrite`. */
  merge?: MergeStrategy;
  /** The session to restore into. Default: the package's. */
  into?: string;
  /** Default: now. */
  now?: Date;
  /** Milliseconds by which the expiry moves, because the clock of its run stood still. `Infinity`: it does not expire. */
  pausedForMs?: number;
  /** Who restores, for the record of each entry. Default `package <id>`. */
  by?: string;
  /**
   * A key for this restore, for attempts that may be repeated or come late: the same key again restores nothing in that
   * session, and gives the conflicts and keys of the first time.
   */
  once?: string;
  /**
   * Asked of the package, which is sound, in the transaction of the restore, before it writes anything. What it throws is
   * thrown, and nothing was restored.
   */
  admit?: (handoff: PipelineHandoffPackage, trx: Queries) => Promise<void>;
}

export interface HandoffReceived {
  success: true;
  /** With `integrity.valid` and `integrity.verifiedAt`, which are never stored. */
  handoff: PipelineHandoffPackage;
  resumePoint: string;
  /** Every entry that was there with another value, and which of the two stands now. */
  conflicts: RestoreConflict[];
  /** Keys of the entries that were written; those that had the same value were not. */
  restored: string[];
}

/** Nothing was restored. */
export interface HandoffRefused {
  success: false;
  /** Among others exactly `Handoff package not found`, `Integrity check failed`, `Handoff package expired`. */
  error: string;
  code: ErrorCode;
  /** What the error does not say: which file, what does not fit, since when. */
  detail?: string;
  /** Under `fail`: what stood against it. */
  conflicts?: RestoreConflict[];
}

export type HandoffReceiveResult = HandoffReceived | HandoffRefused;

/** What a package can be refused for; every other error is thrown. */
const REFUSALS: Partial<Record<ErrorCode, string | undefined>> = {
  PACKAGE_NOT_FOUND: 'Handoff package not found',
  PACKAGE_DAMAGED: 'Integrity check failed',
  PACKAGE_EXPIRED: 'Handoff package expired',
  INVALID_PACKAGE: undefined,
  PACKAGE_VERSION: undefined,
  PACKAGE_CONFLICT: undefined,
  INVALID_CONTEXT: undefined,
  INPUT_TOO_LARGE: undefined,
  INVALID_ID: undefined,
};

/** Makes packages of sessions' contexts, and takes them up again, in this process or another. */
export class HandoffManager {
  constructor(
    private readonly contextManager: ContextManager,
    private readonly storage: HandoffStorage,
    private readonly options: HandoffManagerOptions = {},
  ) {}

  /**
   * Makes a package of a session's context as it is in one moment, and stores it. Throws CONTEXT_NOT_FOUND,
   * CONTEXT_TOO_LARGE, INVALID_PACKAGE of options that do not fit, and what the storage throws.
   */
  async createHandoff(sessionId: string, options: CreateHandoffOptions): Promise<PipelineHandoffPackage> {
    const context = await this.contextManager.getContext(sessionId);
    if (!context && !options.orEmpty) throw new HandoffError('CONTEXT_NOT_FOUND', { session: sessionId });
    const createdAt = new Date();
    const { sourcePhase, targetPhase } = options;
    const expiresAt = expiryOf(options, createdAt);
    const { maxBytes = MAX_BYTES } = options;
    const rows = (await context?.rows(options)) ?? [];
    checkBudget(rows, sessionId, maxBytes);
    // Each part of the work is a stretch of its own: a worker beats and hears others between them.
    await turn();
    const unsealed: UnsealedPackage = {
      id: options.id ?? newPackageId(),
      sessionId,
      cloneId: options.cloneId,
      createdAt,
      sourcePhase,
      targetPhase,
      context: { entries: rows.map(serializedEntry) },
      checkpoint: {
        phase: sourcePhase,
        step: 0,
        totalSteps: 0,
        status: 'paused',
        resumePoint: targetPhase,
        ...options.checkpoint,
      },
      metadata: {
        ...options.metadata,
        version: PACKAGE_VERSION,
        pipelineVersion: options.pipelineVersion ?? '1.0.0',
        createdBy: options.createdBy || 'system',
        reason: options.reason || 'manual',
        ...(expiresAt ? { expiresAt } : {}),
      },
    };
    await turn();
    const handoff = sealPackage(unsealed, this.options.key);
    await turn();
    checkBudget(rows, sessionId, maxBytes, handoff.context.size);
    await this.storage.save(handoff);
    return handoff;
  }

  /**
   * Restores a package's context, all of it or nothing, after all of it was looked at. What is wrong with the package is
   * said in the result; what is wrong with the storage is thrown. The clock of a package goes on while its run is
   * paused, unless `pausedForMs` says how long it stood.
   */
  async receiveHandoff(handoffId: string, options: ReceiveHandoffOptions = {}): Promise<HandoffReceiveResult> {
    const { merge: strategy = 'overwrite', now = new Date(), pausedForMs = 0 } = options;
    if (!MERGE_STRATEGIES.includes(strategy)) throw invalid('/merge', `must be one of ${MERGE_STRATEGIES.join(', ')}`);
    let conflicts: RestoreConflict[] = [];
    try {
      const handoff = await this.sound(handoffId, now.getTime() - pausedForMs);
      const incoming = parseContext(handoff.context);
      const session = options.into ?? handoff.sessionId;
      const by = options.by ?? `package ${handoffId}`;
      const decide = (present: readonly KnownEntry[]) => {
        const merged = merge(incoming, present, strategy);
        if (strategy === 'fail' && merged.conflicts.length > 0) {
          ({ conflicts } = merged);
          const keys = conflicts.map((c) => c.key).join(', ');
          throw new HandoffError('PACKAGE_CONFLICT', { package: handoffId, session, keys });
        }
        const restored = merged.writes.map((w) => w.key);
        return { writes: merged.writes, result: { conflicts: merged.conflicts, restored } };
      };
      const { admit, once } = options;
      const { sessions } = this.contextManager;
      const admitted = admit ? Sessions.guarded(sessions, (trx) => admit(handoff, trx)) : sessions;
      const result = await admitted.change(session, by, decide, once);
      return {
        success: true,
        handoff: { ...handoff, integrity: { ...handoff.integrity, verifiedAt: now, valid: true } },
        resumePoint: handoff.checkpoint.resumePoint,
        ...result,
      };
    } catch (error) {
      return { ...refusal(error), ...(conflicts.length > 0 ? { conflicts } : {}) };
    }
  }

  /** A package that is there, whole, and at `time` (milliseconds) not expired. */
  private async sound(id: string, time: number): Promise<PipelineHandoffPackage> {
    const handoff = await this.storage.load(id);
    if (!handoff) throw new HandoffError('PACKAGE_NOT_FOUND', { package: id });
    // Files are held against every byte when they are read: the same again would double the time.
    if (!(this.storage instanceof FileHandoffStorage) || this.options.key) this.check(handoff, id);
    if (packageStatus(handoff, time) === 'expired')
      throw new HandoffError('PACKAGE_EXPIRED', { package: id, at: handoff.metadata.expiresAt!.toISOString() });
    return handoff;
  }

  private check(handoff: PipelineHandoffPackage, id: string): void {
    checkPackageVersion(handoff.metadata?.version);
    checkPackage(writtenForm(handoff));
    const why = packageFault(handoff, this.options.key);
    if (why) throw new HandoffError('PACKAGE_DAMAGED', { package: id, where: 'the storage', why });
  }
}

/** Throws the error again where it is not about the package. */
function refusal(error: unknown): HandoffRefused {
  if (!(error instanceof HandoffError) || !(error.code in REFUSALS)) throw error;
  const { code, message } = error;
  const fixed = REFUSALS[code];
  return fixed === undefined
    ? { success: false, error: message, code }
    : { success: false, error: fixed, code, detail: message };
}

function expiryOf({ expiresAt, expiresInMinutes }: CreateHandoffOptions, createdAt: Date): Date | undefined {
  if (expiresAt === undefined && expiresInMinutes === undefined) return undefined;
  if (expiresAt !== undefined && expiresInMinutes !== undefined)
    throw invalid('/expiresInMinutes', 'give it or expiresAt, and not both');
  const at = expiresAt ?? new Date(createdAt.getTime() + expiresInMinutes! * 60_000);
  if (!(at instanceof Date) || Number.isNaN(at.getTime())) throw invalid('/expiresAt', 'is not a date');
  return at;
}

const invalid = (path: string, why: string): HandoffError =>
  new HandoffError('INVALID_PACKAGE', { issues: `${path}: ${why}` });
