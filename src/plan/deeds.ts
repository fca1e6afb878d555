import { access, constants, lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { deliveryOf } from '../core/document/carried-schema.js';
import { HandoffError } from '../core/errors.js';
import type { Step } from '../core/procedure.js';
import { isOptional, partyText, type ArtifactSpec } from '../core/request.js';
import { triggerKindOf, type TriggerSpec } from '../core/trigger.js';
import { prepareArtifact } from '../contracts/prepare.js';
import { validationOf } from '../rules/contract.js';
import { arrivalsFolder } from '../storage/arrivals.js';
import { locateSource } from '../storage/files.js';
import { printOf } from '../storage/transfer/print.js';
import { rawOf } from '../storage/transfer/raw.js';
import { survey } from '../storage/transfer/survey.js';
import { issue, issueOf } from './issues.js';
import { handsOver } from './order.js';
import type { PlanIssue, PlannedArtifact, PlannedDeed, PlannedEntry, PlannedPhase, PlannedTrigger } from './plan.js';
import type { Sight } from './rules.js';

/** What a step would do now, and what it would meet. It reads what the action would read, and writes nothing. */
export interface Foreseen {
  deed: PlannedDeed;
  issues: PlanIssue[];
  /** What it would go on without. */
  warnings?: PlanIssue[];
}

export async function foresee(step: Step, sight: Sight, acceptance: 'explicit' | 'auto'): Promise<Foreseen> {
  switch (step.action) {
    case 'validate':
      return { deed: { kind: 'validate' }, issues: [] };
    case 'confirm':
      return { deed: { kind: 'confirm', by: partyText(sight.subject.target), acceptance }, issues: [] };
    case 'transfer':
      return foreseeTransfer(step, sight);
    case 'sync_state':
      return foreseeSync(step, sight);
    case 'trigger':
      return { deed: foreseeTrigger(step, sight), issues: [] };
    default:
      return { deed: { kind: 'own', with: step.with ?? {} }, issues: [] };
  }
}

function foreseeTrigger(step: Step, { content }: Sight): PlannedTrigger {
  const spec: TriggerSpec = triggerKindOf(step.with) ? step.with! : (content.trigger ?? {});
  const { signal, workflow, webhook } = spec;
  const sends = (args: unknown[] | undefined): 'own' | 'arrivals' => (args ? 'own' : 'arrivals');
  if (signal)
    return {
      kind: 'trigger',
      starts: 'signal',
      to: signal.workflowId,
      name: signal.signalName,
      sends: sends(signal.args),
    };
  if (workflow) {
    const { type, taskQueue, workflowId, args } = workflow;
    const to = workflowId === undefined ? {} : { to: workflowId };
    const queue = taskQueue === undefined ? {} : { taskQueue };
    return { kind: 'trigger', starts: 'workflow', name: type, ...to, ...queue, sends: sends(args) };
  }
  if (!webhook) return { kind: 'trigger' };
  const { origin, pathname } = new URL(webhook.url);
  return { kind: 'trigger', starts: 'webhook', to: `${origin}${pathname}`, sends: 'arrivals' };
}

async function foreseeTransfer(step: Step, sight: Sight): Promise<Foreseen> {
  const { subject, content } = sight;
  const delivered = deliveryOf(subject, content, 0);
  const context = { keys: Object.keys(content.context), bytes: Buffer.byteLength(JSON.stringify(delivered)) };
  const all = handsOver(step, 'artifacts')
    ? await Promise.all(content.artifacts.map((spec) => foreseeFile(spec, step, sight)))
    : undefined;
  const isLeftOut = ({ artifact, issues }: Awaited<ReturnType<typeof foreseeFile>>): boolean =>
    isOptional(content.contract?.sends, artifact.name) && issues.some((i) => i.code === 'ARTIFACT_MISSING');
  const files = all?.filter((f) => !isLeftOut(f));
  const broken = files ? await foreseeContract(step, sight, files) : [];
  return {
    deed: {
      kind: 'transfer',
      ...(files ? { artifacts: files.map((f) => f.artifact) } : {}),
      ...(handsOver(step, 'context') ? { context } : {}),
    },
    issues: [...(files ?? []).flatMap((f) => f.issues), ...broken],
    warnings: (all ?? []).filter(isLeftOut).flatMap((f) => f.issues),
  };
}

/** Faults that the file itself already has as an issue. */
const OF_THE_FILE: ReadonlySet<string> = new Set([
  'missing_artifact',
  'unreadable_artifact',
  'wrong_kind',
  'checksum_mismatch',
]);

/** What of the contract the artifacts would break, and transformers that are asked for and not there. */
async function foreseeContract(
  { step_id: step }: Step,
  sight: Sight,
  files: readonly { artifact: PlannedArtifact; issues: PlanIssue[] }[],
): Promise<PlanIssue[]> {
  const { content, storage, transformers } = sight;
  const sends = content.contract?.sends ?? {};
  const said = new Set(files.filter((f) => f.issues.length > 0).map((f) => f.artifact.name));
  const issues: PlanIssue[] = [];
  if (content.contract) {
    const { errors } = await validationOf({ ...sight, signal: new AbortController().signal });
    for (const { code, artifact, message } of errors)
      if (!said.has(artifact) || !OF_THE_FILE.has(code))
        issues.push(issue('CONTRACT_BROKEN', { issues: message }, step));
  }
  for (const spec of content.artifacts.filter((a) => !Object.hasOwn(sends, a.name) && !said.has(a.name)))
    try {
      await prepareArtifact(spec, undefined, { sources: storage.sources, transformers });
    } catch (error) {
      if (!(error instanceof HandoffError)) throw error;
      issues.push(issueOf(error, step));
    }
  return issues;
}

async function foreseeFile(
  spec: ArtifactSpec,
  { step_id: step }: Step,
  { subject, storage }: Sight,
): Promise<{ artifact: PlannedArtifact; issues: PlanIssue[] }> {
  const destination = path.join(arrivalsFolder(storage, subject.target), spec.name);
  const resource = `file:${destination}`;
  const artifact: PlannedArtifact = { name: spec.name, destination };
  const issues: PlanIssue[] = [];
  try {
    const source = await locateSource(spec, storage.sources);
    await access(source, constants.R_OK);
    const { size, kind, files } = await survey(spec.name, rawOf(source));
    artifact.size = size;
    artifact.source = source;
    if (kind === 'directory') artifact.files = files;
    const found = spec.sha256 === undefined ? undefined : (await printOf(source))?.sha256;
    if (found !== spec.sha256)
      issues.push(issue('CHECKSUM_MISMATCH', { artifact: spec.name, expected: spec.sha256, found }, step));
  } catch (error) {
    const fault = error instanceof HandoffError ? error : undefined;
    const why = (error as Error).message;
    issues.push(fault ? issueOf(fault, step) : issue('ACTION_FAILED', { action: 'transfer', why }, step));
  }
  const there = await lstat(destination).catch(() => undefined);
  if (there?.isFile()) artifact.replaces = { size: there.size };
  else if (there?.isDirectory()) artifact.replaces = { size: await sizeOf(destination) };
  else if (there) issues.push(issue('ARTIFACT_NOT_A_FILE', { artifact: spec.name, path: destination }, step));
  const holder = await storage.ledger.holderOf(resource, subject.handoffId);
  if (holder) {
    artifact.reservedBy = holder;
    issues.push(issue('DESTINATION_RESERVED', { resource, holder }, step));
  }
  return { artifact, issues };
}

/** Of a folder that is to be replaced. One that cannot be looked through has no size that could be told. */
const sizeOf = (folder: string): Promise<number> =>
  realpath(folder)
    .then(async (real) => (await survey(path.basename(folder), rawOf(real))).size)
    .catch(() => 0);

async function foreseeSync(step: Step, { subject, content, storage }: Sight): Promise<Foreseen> {
  const { session, source, target, handoffId } = subject;
  const issues: PlanIssue[] = [];
  const at = step.step_id;
  const conflict = (resource: string, expected: string, found: string, next: string): void =>
    void issues.push(issue('STATE_CONFLICT', { resource, expected, found }, at, next));
  const reserved = async (resource: string): Promise<{ reservedBy?: string }> => {
    const holder = await storage.ledger.holderOf(resource, handoffId);
    if (!holder) return {};
    issues.push(issue('DESTINATION_RESERVED', { resource, holder }, at));
    return { reservedBy: holder };
  };
  const versions = new Map((await storage.sessions.context(session)).map((e) => [e.key, e.version]));
  const context: PlannedEntry[] = [];
  for (const key of Object.keys(content.context)) {
    const resource = `context:${session}/${key}`;
    const version = versions.get(key) ?? 0;
    const expected = content.contextVersions?.[key];
    if (expected !== undefined && expected !== version)
      conflict(
        resource,
        `version ${expected}`,
        `version ${version}`,
        `see what has changed: handoff context list ${session}`,
      );
    const expects = expected === undefined ? {} : { expectedVersion: expected };
    context.push({ key, version, ...expects, ...(await reserved(resource)) });
  }
  const phases: PlannedPhase[] = [];
  const move = async (phase: string, to: string, must?: string): Promise<void> => {
    const resource = `phase:${session}/${phase}`;
    const from = (await storage.sessions.phase(session, phase))?.status;
    if (must && from !== must)
      conflict(resource, must, from ?? 'no record', `handoff phases set ${session} ${phase} ${must}`);
    phases.push({ phase, ...(from ? { from } : {}), to, ...(await reserved(resource)) });
  };
  if (source.phase) await move(source.phase, 'handed_off', 'completed');
  if (target.phase && target.phase !== source.phase) await move(target.phase, 'ready');
  return { deed: { kind: 'sync_state', context, phases }, issues };
}
