import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExpectedHandoff } from '../core/reliability/expected.js';
import { HandoffError } from '../core/errors.js';
import { arrivalFolder, type ArtifactSpec, type HandoffRequest } from '../core/request.js';
import type { Template } from './template.js';
import { seededRandom } from '../faults/random.js';
import type { TestBed } from './test-bed.js';
import { SOURCE, TARGET, type Conduct } from './people.js';

/** One iteration, before it begins. */
export interface Work {
  number: number;
  request: HandoffRequest & { handoffId: string; session: string };
  conduct: Conduct;
  expected: ExpectedHandoff;
}

const STANDARD = ['PHASE_TRANSITION_STANDARD', 'AGENT_HANDOFF_STANDARD', 'RELIABILITY_CHECKED'] as const;

/** Bytes of an artifact; a stress factor multiplies it. */
const PAYLOAD = 2048;
/** Minutes that an offer waits for a target that never answers. */
const SILENT_MINUTES = 0.1;

/** Makes the files of iteration `number` (from 1), and says what it is to do. What is random follows from seed and number. */
export async function workOf(bed: TestBed, number: number, template?: Template): Promise<Work> {
  const { testId, settings } = bed;
  const handoff = `${testId}-${String(number).padStart(6, '0')}`;
  const random = seededRandom(settings.seed, `iteration ${number}`);
  return template ? fromTemplate(bed, number, handoff, template) : standardWork(bed, number, handoff, random);
}

async function standardWork(bed: TestBed, number: number, handoff: string, random: () => number): Promise<Work> {
  const { settings, stack, checker } = bed;
  const { type, stressFactor = 1 } = settings.configuration;
  const procedure = STANDARD[number % STANDARD.length]!;
  const conduct = type === 'failure_injection' ? conductOf(procedure, random()) : 'accept';
  const artifacts = await Promise.all(
    ['design', 'plan'].map(async (what): Promise<ArtifactSpec> => {
      const name = `${handoff}-${what}.json`;
      const body = textOf(random, Math.round(PAYLOAD * stressFactor));
      const text = JSON.stringify({ handoff, what, body });
      await writeFile(path.join(stack.storage.sources[0]!, name), text);
      return { name, path: name, sha256: sha256(text) };
    }),
  );
  const request: Work['request'] = {
    handoffId: handoff,
    procedure,
    session: handoff,
    source: { agent: SOURCE, phase: 8 },
    target: { agent: TARGET, phase: 13 },
    artifacts,
    context: { number, note: textOf(random, 64) },
    metadata: { checker: checker.url },
    ...(procedure === 'AGENT_HANDOFF_STANDARD' ? { type: 'AGENT_HANDOFF' } : {}),
    ...(procedure === 'RELIABILITY_CHECKED' ? { type: 'RELIABILITY_CHECKED' } : {}),
    ...(conduct === 'silent' ? { expiresInMinutes: SILENT_MINUTES } : {}),
  };
  const files = artifacts.map((a) => ({ path: arrivalOf(bed, request, a.name), sha256: a.sha256! }));
  const calls = procedure === 'RELIABILITY_CHECKED' ? ['first_call/delivery', 'second_call/delivery'] : [];
  return { number, request, conduct, expected: { handoff, session: handoff, procedure, files, calls } };
}

/** Of those that are to fail somewhere, some fail by the people in them: so that every way of undoing is walked. */
function conductOf(procedure: string, chance: number): Conduct {
  if (chance > 0.96) return 'cancel';
  if (procedure !== 'AGENT_HANDOFF_STANDARD') return 'accept';
  if (chance < 0.1) return 'reject';
  return chance < 0.15 ? 'silent' : 'accept';
}

/** The user's own request: its artifacts are copied under names of the iteration's own, unless a contract names them. */
async function fromTemplate(bed: TestBed, number: number, handoff: string, template: Template): Promise<Work> {
  const { stack } = bed;
  const { sources, movesArtifacts } = template;
  const numbered = JSON.parse(JSON.stringify(template.request).replaceAll('{n}', String(number))) as HandoffRequest;
  const folder = stack.storage.sources[0]!;
  const artifacts: ArtifactSpec[] = [];
  const files: ExpectedHandoff['files'] = [];
  const keepNames = numbered.contract !== undefined;
  const target = keepNames
    ? { ...numbered.target, phase: `${numbered.target?.phase ?? 'target'}-${number}` }
    : numbered.target;
  for (const a of numbered.artifacts ?? []) {
    const from = path.resolve(sources, a.path);
    if (!(await stat(from).catch(() => undefined))?.isFile()) {
      const issues = `/request/artifacts: ${a.name}: there is no file at ${from}`;
      throw new HandoffError('INVALID_RELIABILITY_TEST', { issues });
    }
    const name = keepNames ? a.name : `${handoff}-${a.name}`;
    const copy = path.join(handoff, a.name);
    await mkdir(path.join(folder, handoff), { recursive: true });
    await copyFile(from, path.join(folder, copy));
    artifacts.push({ ...a, name, path: copy });
    if (movesArtifacts && a.transformTo === undefined) {
      files.push({ path: arrivalOf(bed, { target }, name), sha256: sha256(await readFile(from)) });
    }
  }
  const request: Work['request'] = {
    ...numbered,
    handoffId: handoff,
    session: handoff,
    artifacts,
    ...(target ? { target } : {}),
  };
  const { procedure } = request;
  return { number, request, conduct: 'accept', expected: { handoff, session: handoff, procedure, files, calls: [] } };
}

const arrivalOf = ({ stack }: TestBed, { target }: Pick<HandoffRequest, 'target'>, name: string): string => {
  const { agent, phase } = target ?? {};
  const party = { ...(agent ? { agent } : {}), ...(phase === undefined ? {} : { phase: String(phase) }) };
  return path.join(stack.storage.root, 'artifacts', arrivalFolder(party), name);
};

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function textOf(random: () => number, length: number): string {
  let text = '';
  while (text.length < length) text += Math.floor(random() * 2 ** 32).toString(36);
  return text.slice(0, length);
}
