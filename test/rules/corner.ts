import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Deps } from '../../src/activities/action.js';
import { createParts, runAction } from '../../src/activities/index.js';
import { runValidation } from '../../src/activities/validate.js';
import type { Contract } from '../../src/core/contract.js';
import type { Severity } from '../../src/core/procedure.js';
import type { PackageContent, Subject } from '../../src/core/request.js';
import type { RuleResult, Verdict } from '../../src/core/rule.js';
import type { StepTask } from '../../src/core/task.js';
import { openStorage, type Storage } from '../../src/storage/storage.js';

export type Own = Parameters<typeof createParts>[1];

export interface Handed extends Partial<Omit<PackageContent, 'metadata'>> {
  metadata?: Record<string, unknown>;
  source?: Subject['source'];
  target?: Subject['target'];
}

const never = new AbortController().signal;

/** A storage of its own and the parts of a worker on it: rules and actions run as an activity runs them, without a server. */
export class Corner {
  private constructor(
    readonly folder: string,
    readonly storage: Storage,
    readonly deps: Deps,
  ) {}

  static async open(own?: Own): Promise<Corner> {
    const folder = await mkdtemp(path.join(tmpdir(), 'handoff-rules-'));
    await mkdir(path.join(folder, 'in'));
    // Readable by all, for the test that looks with another user's eyes.
    await chmod(folder, 0o755);
    const storage = await openStorage({ folder: path.join(folder, 'data'), sources: [path.join(folder, 'in')] });
    return new Corner(folder, storage, createParts({ storage }, own));
  }

  async close(): Promise<void> {
    await this.storage.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async file(name: string, content = name): Promise<string> {
    const file = path.join(this.folder, 'in', name);
    await writeFile(file, content);
    return file;
  }

  /** A handoff's unchanging facts, its content stored, its row registered. */
  async subject(handoffId: string, handed: Handed = {}): Promise<Subject> {
    const { source = { phase: '8' }, target = { phase: '13' }, ...content } = handed;
    const whole: PackageContent = { artifacts: [], context: {}, metadata: {}, ...content };
    const subject: Subject = {
      handoffId,
      session: `s-${handoffId}`,
      type: 'PHASE_TRANSITION',
      priority: 'normal',
      source,
      target,
      procedure: { id: 'SOME_PROCEDURE', version: '1.0.0', digest: 'd' },
      requestDigest: 'r',
      package: await this.storage.blobs.put(JSON.stringify(whole), 'application/json'),
    };
    await this.storage.handoffs.register(subject, `run-${handoffId}`, 'running');
    return subject;
  }

  task(subject: Subject, over: Partial<StepTask> = {}): StepTask {
    return {
      subject,
      step: 'step',
      action: 'validate',
      epoch: 1,
      rules: [],
      with: {},
      stopAt: 'high',
      severities: {},
      irreversible: false,
      ...over,
    };
  }

  /** One validation session over `rules`. */
  async validate(subject: Subject, rules: string[], over: Partial<StepTask> = {}): Promise<Verdict> {
    return runValidation(this.deps, this.task(subject, { rules, ...over }), never);
  }

  /** What one rule finds: whether it passed, and its message. */
  async finds(subject: Subject, rule: string, over: Partial<StepTask> = {}): Promise<[boolean, string]> {
    const { session } = await this.validate(subject, [rule], over);
    const [result] = await this.results(subject, session);
    return [result!.passed, result!.message];
  }

  async results(subject: Subject, session: string): Promise<RuleResult[]> {
    return (await this.storage.validations.list(subject.handoffId)).find((v) => v.id === session)?.results ?? [];
  }

  /** Runs one of the built-in actions, as a step would. */
  async act(subject: Subject, action: string, withParams: Record<string, unknown> = {}): Promise<void> {
    const task = this.task(subject, { step: action, action, with: withParams });
    await runAction(this.deps, this.deps.actions.get(action)!, task, never);
  }
}

/** A rule of a user's own. */
export const ruleOf = (
  id: string,
  check: () => Promise<{ passed: boolean; message: string }>,
  severity: Severity = 'high',
) => ({ id, name: `Rule ${id}`, severity, check });

/** A contract that says nothing but what is sent. */
export const contractOf = (sends: Contract['sends']): Contract => ({
  digest: 'd',
  source: {},
  target: {},
  sends,
  returns: {},
  maxReturnRounds: 3,
  timing: {},
  schemas: {},
});
