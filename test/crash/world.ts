import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { HandoffRequest } from '../../src/core/request.js';
import type { Storage } from '../../src/storage/storage.js';

/** All that a handoff can change outside itself, as somebody sees it who knows nothing of the engine. */
export interface World {
  /** By path below the root: content (base64) and mode; folders, empty ones too, as such. */
  files: Record<string, string>;
  phases: Record<string, { status: string; version: number; by: string; stateDigest?: string }>;
  context: Record<string, { value: string; version: number; digest: string }>;
  delivery?: { target: string; content: unknown };
  /** What the receiver of `send_line` has got. */
  lines: string[];
}

export interface Expected {
  world: World;
  /** Effects by `<step>/<effect>`, in the ledger's order. */
  effects: string[];
}

type Request = HandoffRequest & { handoffId: string; session: string };

const OURS = new Set(['blobs', '.staging', '.undo', 'packages']);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const linesFile = (folder: string, id: string): string => path.join(folder, 'in', `lines-${id}`);
export const readLines = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];

const fileText = (content: Buffer, mode: number): string => `${content.toString('base64')} ${mode.toString(8)}`;

function filesBelow(root: string): Record<string, string> {
  const files: Record<string, string> = {};
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const at = path.join(folder, name);
      const shown = path.relative(root, at);
      if (OURS.has(shown) || shown.startsWith('handoff.db')) continue;
      const stat = lstatSync(at);
      if (stat.isDirectory()) {
        files[`${shown}/`] = 'folder';
        walk(at);
      } else {
        files[shown] = fileText(readFileSync(at), stat.mode & 0o777);
      }
    }
  };
  walk(root);
  return files;
}

export async function look(storage: Storage, request: Request, lines: string): Promise<World> {
  const { handoffId, session } = request;
  const phases = await storage.sessions.phases(session);
  const context = await storage.sessions.context(session);
  const rows = await storage.db.selectFrom('deliveries').selectAll().where('handoff', '=', handoffId).execute();
  return {
    files: filesBelow(storage.root),
    phases: Object.fromEntries(
      phases.map((p) => [
        p.phase,
        {
          status: p.status,
          version: p.version,
          by: p.updatedBy,
          ...(p.stateDigest ? { stateDigest: p.stateDigest } : {}),
        },
      ]),
    ),
    context: Object.fromEntries(
      context.map(({ key, value, version, digest }) => [key, { value, version, digest }] as const),
    ),
    ...(rows[0] ? { delivery: { target: rows[0].target, content: JSON.parse(rows[0].content) as unknown } } : {}),
    lines: readLines(lines),
  };
}

const STEPS: Record<string, { context?: string; artifacts: string; sync?: string; send?: string; trigger?: string }> = {
  PHASE_TRANSITION_STANDARD: { artifacts: 'resource_handoff', sync: 'state_synchronization' },
  CONTRACT_HANDOFF_STANDARD: {
    context: 'artifact_transfer',
    artifacts: 'artifact_transfer',
    sync: 'state_synchronization',
    trigger: 'phase_trigger',
  },
  AGENT_HANDOFF_STANDARD: { context: 'task_context_transfer', artifacts: 'knowledge_transfer' },
};
const OWN: (typeof STEPS)[string] = { context: 'bring', artifacts: 'bring', sync: 'sync', send: 'send' };

/** What one agent tells another. */
const documentOf = ({
  handoffId: id,
  session: sessionId,
  source,
  target,
  artifacts = [],
  context,
  metadata,
}: Request) => ({
  id,
  version: '1.0.0',
  sourceAgent: source?.agent,
  targetAgent: target?.agent,
  priority: 'normal',
  status: 'pending',
  context: { sessionId, artifacts: artifacts.map((a) => a.name), custom: context },
  instructions: { task: '' },
  createdAt: expect.any(String) as unknown,
  ...(metadata && Object.keys(metadata).length > 0 ? { metadata } : {}),
});

/**
 * What a completed handoff leaves: computed from the request and what was there before, and from nothing of the engine.
 * Values of context entries must be written with sorted keys. `epochs`: of all steps, or of each that did anything.
 */
export function model(
  request: Request,
  before: World,
  sources: string,
  epochs: number | Record<string, number> = 1,
): Expected {
  const { handoffId: id, artifacts = [], context = {}, metadata = {} } = request;
  const steps = STEPS[request.procedure] ?? OWN;
  /** A step's effects are named by its epoch; undefined where it did nothing. */
  const done = (step: string | undefined): string | undefined => {
    const epoch = typeof epochs === 'number' ? epochs : epochs[step ?? ''];
    return step && epoch ? `${step}/${epoch}` : undefined;
  };
  const [brought, carried, synced, sent, triggered] = [
    steps.context,
    steps.artifacts,
    steps.sync,
    steps.send,
    request.trigger ? steps.trigger : undefined,
  ].map(done);
  const world = structuredClone(before);
  const phase = String(request.target?.phase);
  const effects: string[] = [];
  if (brought) {
    world.delivery = {
      target: `${String(request.target?.agent)} (phase ${phase})`,
      content:
        request.procedure === 'AGENT_HANDOFF_STANDARD'
          ? documentOf(request)
          : { context, metadata, artifacts: artifacts.map((a) => a.name) },
    };
    effects.push(`${brought}/context`);
  }
  const folder = path.join('artifacts', `phase_${phase}`);
  if (carried) Object.assign(world.files, { 'artifacts/': 'folder', [`${folder}/`]: 'folder' });
  for (const { name, path: from } of artifacts) {
    if (!carried) break;
    const source = path.resolve(sources, from);
    world.files[path.join(folder, name)] = fileText(readFileSync(source), lstatSync(source).mode & 0o777);
    effects.push(`${carried}/${name}`);
  }
  if (synced) {
    for (const [key, v] of Object.entries(context)) {
      const value = JSON.stringify(v);
      world.context[key] = { value, version: (before.context[key]?.version ?? 0) + 1, digest: sha256(value) };
      effects.push(`${synced}/context:${key}`);
    }
    const entries = Object.entries(world.context).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const stateDigest = sha256(JSON.stringify(entries.map(([key, e]) => [key, e.digest])));
    for (const [name, status] of [
      [String(request.source?.phase), 'handed_off'],
      [phase, 'ready'],
    ] as const) {
      const version = (before.phases[name]?.version ?? 0) + 1;
      world.phases[name] = { status, version, by: `handoff ${id}`, stateDigest };
      effects.push(`${synced}/phase:${name}`);
    }
  }
  if (sent) {
    world.lines = [...before.lines, `${id}/${sent}/line`];
    effects.push(`${sent}/line`);
  }
  if (triggered) effects.push(`${triggered}/trigger`);
  return { world, effects };
}
