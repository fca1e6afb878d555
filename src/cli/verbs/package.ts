import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { HandoffError } from '../../core/errors.js';
import {
  PACKAGE_STATUSES,
  packageStatus,
  type PackageFilter,
  type PackageStatus,
  type PipelineHandoffPackage,
} from '../../core/package/package.js';
import type { FileHandoffStorage, InspectedPackage } from '../../storage/packages/file-storage.js';
import { UsageError } from '../failure.js';
import { packageKey, type PlaceOptions } from '../place.js';
import { ago, bytes, safe, table, when, type Paint } from '../text/text.js';
import { verb } from '../verb.js';

type PackagesAt = PlaceOptions & { in?: string };

const IN: [string, string] = ['--in <dir>', "the packages of this folder (default: the data folder's)"];
const KEYS =
  'HANDOFF_PACKAGE_KEY in the environment is the key that packages are signed with, HANDOFF_PACKAGE_KEY_ID its name.';

export function packageVerbs(program: Command): void {
  const group = program.command('package').description('what pipelines and paused handoffs go on from');
  group.addHelpText('after', '\nExample:\n  $ handoff package list --status active');
  verb<{ in?: string; session?: string; clone?: string; status?: PackageStatus }>(
    group,
    'list',
    {
      summary: 'packages, oldest first, and the damaged ones with what is wrong',
      examples: ['package list', 'package list --session shop --status active'],
      options: [
        IN,
        ['--session <session>', 'only of this session'],
        ['--clone <clone>', 'only of this clone'],
        ['--status <state>', 'only those', (o) => o.choices([...PACKAGE_STATUSES])],
      ],
      needs: ['folder'],
    },
    async ({ options, io }) => {
      const { session, clone, status } = options;
      const all = await inspected(await packagesAt(options), { sessionId: session, cloneId: clone, status });
      return { json: all.map(summaryOf), text: listText(io.paint, all) };
    },
  );
  verb<{ in?: string }>(
    group,
    'show <package>',
    {
      summary: 'one package: where it goes on, and what it carries',
      examples: ['package show hof-0193e5a0-0000-7000-8000-000000000001'],
      options: [IN],
      needs: ['folder'],
    },
    async ({ args: [id = ''], options, io }) => {
      const found = await (await packagesAt(options)).load(id);
      if (!found) throw new HandoffError('PACKAGE_NOT_FOUND', { package: id });
      return { json: found, text: packageText(io.paint, found) };
    },
  );
  verb<{ in?: string }>(
    group,
    'verify [packages...]',
    {
      summary: 'whether packages are byte for byte what was written',
      details: `Whether packages are byte for byte what was written: those that are named, or all.\n${KEYS}`,
      examples: ['package verify', 'package verify hof-0193e5a0-0000-7000-8000-000000000001'],
      exitCodes: { ok: 'all are whole', failed: 'one is damaged' },
      options: [IN],
      needs: ['folder'],
    },
    async ({ args, options, io }) => {
      const storage = await packagesAt(options);
      const results =
        args.length > 0 ? await Promise.all(args.map((id) => looked(storage, id))) : await verdicts(storage);
      const bad = results.filter((r) => !r.valid);
      const lines = results.map((r) => `${r.valid ? io.paint.green('✓') : io.paint.red('✗')} ${safe(r.why ?? r.id)}`);
      const count = `${results.length - bad.length} of ${results.length} packages are whole.`;
      return { json: results, text: [...lines, count].join('\n'), exitCode: bad.length > 0 ? 1 : 0 };
    },
  );
}

async function packagesAt({ folder, in: named }: PackagesAt): Promise<FileHandoffStorage> {
  const at = path.resolve(named ?? folder);
  if (!existsSync(at)) {
    const next = named === undefined ? 'Name the data folder with --folder, or the packages themselves with --in.' : '';
    throw new UsageError(`There is no folder ${at}. ${next}`.trimEnd(), 'FOLDER_NOT_FOUND', { folder: at });
  }
  const { FileHandoffStorage: Files } = await import('../../storage/packages/file-storage.js');
  return new Files(named === undefined ? path.join(at, 'packages') : at, packageKey());
}

/** Oldest first; the damaged ones, of which nobody knows whose they are, at the end. */
async function inspected(storage: FileHandoffStorage, filter: PackageFilter): Promise<InspectedPackage[]> {
  const { fitsPackageFilter } = await import('../../storage/packages/filter.js');
  const found: InspectedPackage[] = [];
  for await (const one of storage.inspect()) if (one.error || fitsPackageFilter(one.handoff, filter)) found.push(one);
  const age = ({ handoff }: InspectedPackage): number => handoff?.createdAt.getTime() ?? Number.MAX_VALUE;
  return found.toSorted((a, b) => age(a) - age(b));
}

const stateOf = (handoff: PipelineHandoffPackage): PackageStatus => packageStatus(handoff, Date.now());

function summaryOf({ id, file, handoff, error }: InspectedPackage): Record<string, unknown> {
  if (error) return { id, file, status: 'damaged', error: { code: error.code, message: error.message } };
  const { context, integrity: _, ...rest } = handoff;
  return { ...rest, file, status: stateOf(handoff), entries: context.entries.length, size: context.size };
}

function listText(paint: Paint, all: readonly InspectedPackage[]): string {
  const rows = all.map(({ id, handoff, error }) => {
    if (error) {
      const { why } = error.params;
      return [id, 'damaged', '', '', '', typeof why === 'string' ? why : error.message];
    }
    const { createdAt, sessionId, sourcePhase, targetPhase, checkpoint: at, context } = handoff;
    const stands = `${at.status} ${at.step}/${at.totalSteps}, ${bytes(context.size)}`;
    return [id, stateOf(handoff), ago(createdAt.getTime()), sessionId, `${sourcePhase} → ${targetPhase}`, stands];
  });
  return table(paint, ['PACKAGE', 'STATUS', 'MADE', 'SESSION', 'FROM → TO', 'STANDS AT'], rows, 'No packages.');
}

/** Text of others that cannot pass for a line of ours, such as the one that says who has signed. */
const line = (text: string): string => safe(text.replaceAll(/\s*\n\s*/g, ' '));

function packageText(paint: Paint, one: PipelineHandoffPackage): string {
  const { checkpoint: at, context, metadata, integrity } = one;
  const entries = context.entries.map(({ key, value, metadata: m }) => [
    key,
    bytes(Buffer.byteLength(value)),
    m.version,
    m.source,
    m.tags.join(', '),
  ]);
  const until = metadata.expiresAt ? `${stateOf(one)}, until ${when(metadata.expiresAt.getTime())}` : 'never expires';
  const signed = integrity.signature
    ? `signed${integrity.signature.keyId ? ` with ${integrity.signature.keyId}` : ''}`
    : 'not signed';
  return [
    `${paint.bold(one.id)}  ${line(`${one.sourcePhase} → ${one.targetPhase}`)}`,
    line(
      `session ${one.sessionId} · clone ${one.cloneId} · made ${ago(one.createdAt.getTime())} by ${metadata.createdBy}: ${metadata.reason}`,
    ),
    line(`${at.status} in ${at.phase}, ${at.step} of ${at.totalSteps} steps · goes on at ${at.resumePoint}`),
    line(`${until} · format ${metadata.version}, pipeline ${metadata.pipelineVersion}`),
    `sha256 ${integrity.checksum} · ${line(signed)}`,
    '',
    table(paint, ['ENTRY', 'SIZE', 'VERSION', 'SOURCE', 'TAGS'], entries, 'It carries no entries.'),
  ].join('\n');
}

interface PackageVerdict {
  id: string;
  valid: boolean;
  /** Of one that is not. */
  why?: string;
}

async function verdicts(storage: FileHandoffStorage): Promise<PackageVerdict[]> {
  const all: PackageVerdict[] = [];
  for await (const { id, error } of storage.inspect()) all.push(verdictOf(id, error));
  return all;
}

async function looked(storage: FileHandoffStorage, id: string): Promise<PackageVerdict> {
  try {
    const found = await storage.load(id);
    return verdictOf(id, found ? undefined : new HandoffError('PACKAGE_NOT_FOUND', { package: id }));
  } catch (error) {
    // An id that is none is wrong usage, not a package with a fault.
    if (error instanceof HandoffError && error.code !== 'INVALID_ID') return verdictOf(id, error);
    throw error;
  }
}

const verdictOf = (id: string, error?: HandoffError): PackageVerdict =>
  error ? { id, valid: false, why: error.message } : { id, valid: true };
