import { randomUUID } from 'node:crypto';
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { HandoffClient } from '../../client.js';
import type { Procedure } from '../../core/procedure.js';
import type { ExpectedHandoff } from '../../core/reliability/expected.js';
import { arrivalFolder, type HandoffRequest } from '../../core/request.js';
import { lookAt } from '../checker/places.js';
import type { Stack } from '../stack.js';

/** What every handoff of a test is made from. */
export interface Template {
  procedure: Procedure;
  /** As a user wrote it; absent: one is made up. */
  request?: HandoffRequest;
  /** Where the request's artifacts are. */
  source: string;
}

export type ReadyRequest = HandoffRequest & { handoffId: string; session: string };

const FILES: Record<string, string> = {
  'design.json': '{"modules":["users","orders"]}\n',
  'notes.md': '# Notes\n\nWhat the next one should know.\n',
};

/** A request that any procedure without demands of its own takes. */
const made = (procedure: string): HandoffRequest => ({
  procedure,
  source: { agent: '@chaos-source', phase: 'made' },
  target: { agent: '@chaos-target', phase: 'used' },
  artifacts: Object.keys(FILES).map((name) => ({ name, path: name })),
  context: { design: { modules: ['users', 'orders'] } },
});

/** Puts what the handoffs need where they find it: agents that answer, and the artifacts' files. */
export async function prepare(client: HandoffClient, stack: Stack, template: Template): Promise<void> {
  const { procedure, request = made(procedure.procedure_id) } = template;
  const [into] = stack.storage.sources as [string];
  const wanted = [request.metadata?.['required_capabilities'], ...procedure.steps.map((s) => s.with?.['capabilities'])];
  const capabilities = wanted.flatMap((w) => (Array.isArray(w) ? w.map(String) : []));
  for (const name of new Set([request.source?.agent, request.target?.agent, ...(procedure.required_agents ?? [])]))
    if (name) await client.agents.add({ name, capabilities, capacity: 100_000, heartbeatSeconds: 604_800 });
  if (!template.request) for (const [name, text] of Object.entries(FILES)) writeFileSync(path.join(into, name), text);
  // Schemas of a contract lie beside what it describes.
  const needed = template.request
    ? ['schemas', ...(template.request.artifacts ?? []).map((a) => within(template, a.path))]
    : [];
  for (const file of needed) {
    const from = path.resolve(template.source, file);
    if (existsSync(from)) cpSync(from, path.join(into, file), { recursive: true, preserveTimestamps: true });
  }
}

/** An artifact's path from the source folder. One that leads out of it stays as it is, and is refused by the engine. */
function within({ request, source }: Template, file: string): string {
  const from = request ? path.relative(source, path.resolve(source, file)) : file;
  return from.startsWith('..') ? path.resolve(source, file) : from;
}

/**
 * The next handoff: an id and a session of its own, whose source phase is completed; where the request was made up, a
 * target phase of its own too. `occupied`: something stands already where its artifacts arrive.
 */
export async function nextRequest(
  client: HandoffClient,
  stack: Stack,
  template: Template,
  occupied: boolean,
): Promise<ReadyRequest> {
  const { procedure, request = made(procedure.procedure_id) } = template;
  const id = `chaos-${randomUUID().slice(0, 8)}`;
  const session = `session-${id}`;
  const ready: ReadyRequest = {
    ...request,
    procedure: procedure.procedure_id,
    handoffId: id,
    session,
    artifacts: request.artifacts?.map((a) => ({ ...a, path: within(template, a.path) })),
    ...(template.request ? {} : { target: { ...request.target, phase: `used-${id}` } }),
  };
  const { phase } = request.source ?? {};
  if (phase !== undefined) await client.sessions.setPhase(session, phase, 'completed', 'chaos');
  const [first] = expectedFiles(stack, procedure, ready);
  if (occupied && first && !template.request) {
    mkdirSync(path.dirname(first.path), { recursive: true });
    writeFileSync(first.path, 'somebody else’s');
    chmodSync(first.path, 0o640);
  }
  return ready;
}

/** What the checker is to see of it, by the request and the procedure alone. */
export function expectedOf(stack: Stack, procedure: Procedure, request: ReadyRequest): ExpectedHandoff {
  const calls = procedure.steps.filter((s) => s.action === 'deliver_to_checker').map((s) => `${s.step_id}/delivery`);
  return {
    handoff: request.handoffId,
    session: request.session,
    procedure: procedure.procedure_id,
    files: expectedFiles(stack, procedure, request),
    calls,
  };
}

function expectedFiles(stack: Stack, { steps }: Procedure, request: ReadyRequest): ExpectedHandoff['files'] {
  const moves = steps.some(({ action, with: w }) => {
    const what = w?.['what'];
    return action === 'transfer' && (!Array.isArray(what) || what.includes('artifacts'));
  });
  if (!moves) return [];
  const { agent, phase } = request.target ?? {};
  const target = { ...(agent ? { agent } : {}), ...(phase === undefined ? {} : { phase: String(phase) }) };
  const folder = path.join(stack.storage.root, 'artifacts', arrivalFolder(target));
  return (
    (request.artifacts ?? [])
      // What is made of it on the way only the engine could tell.
      .filter((a) => a.transformTo === undefined)
      .flatMap(({ name, path: from }) => {
        const source = path.resolve(stack.storage.sources[0]!, from);
        return filesBelow(source).map((file) => {
          const { sha256, mode } = lookAt(path.join(source, file)).look!;
          return { path: path.join(folder, name, file), sha256, mode };
        });
      })
  );
}

/** The files in a folder, relative to it; of a file itself `''`. */
const filesBelow = (at: string): string[] =>
  lstatSync(at).isDirectory()
    ? readdirSync(at, { recursive: true, withFileTypes: true })
        .filter((e) => e.isFile())
        .map((e) => path.relative(at, path.join(e.parentPath, e.name)))
    : [''];
