import path from 'node:path';
import type { Command } from 'commander';
import type { ContractCheck } from '../../client/contract-schemas.js';
import {
  DEFAULT_RETURN_TIMEOUT_MINUTES,
  contractParties,
  ifMissingOf,
  type ContractDocument,
  type ContractNote,
} from '../../core/contract.js';
import { partyText } from '../../core/request.js';
import type { StoredContract } from '../../storage/contracts.js';
import { withStorage } from '../place.js';
import { ago, safe, table, type Paint } from '../text/text.js';
import { many, verb } from '../verb.js';

const read = async (file: string): Promise<unknown> => (await import('../input.js')).readDocument(file);

export function contractVerbs(program: Command): void {
  const group = program.command('contract').description('what is handed over, and what is expected in return');
  group.addHelpText('after', '\nExample:\n  $ handoff contract check examples/input/contract.json');
  checkVerb(group);
  verb(
    group,
    'add <file>',
    {
      summary: 'check a contract file and make it known here',
      details:
        'Checks a contract file and makes it known here under its contract_id, else its handoff_id. Requests may then name\nit: contract: ID, or ID@VERSION.',
      examples: ['contract add examples/input/contract.json'],
      needs: ['folder'],
    },
    async ({ args: [file = ''], options }) => {
      const document = await read(file);
      return withStorage(options, 'write', async (storage) => {
        const { id, version, digest } = await storage.contracts.add(document);
        return { json: { id, version, digest }, text: `Added ${id} ${version} (${digest.slice(0, 12)}).` };
      });
    },
  );
  verb(
    group,
    'list',
    { summary: 'the newest version of each contract', examples: ['contract list'], needs: ['folder'] },
    async ({ options, io }) => {
      return withStorage(options, 'read', async (storage) => {
        const all = await storage.contracts.list();
        const rows = all.map(({ id, version, document, addedAt }) => {
          const { sends, back } = countsOf(document);
          return [id, version, routeOf(document), sends, back, ago(addedAt)];
        });
        const head = ['CONTRACT', 'VERSION', 'FROM → TO', 'SENDS', 'EXPECTS BACK', 'ADDED'];
        const empty = 'No contracts. Add one: handoff contract add examples/input/contract.json';
        return { json: all, text: table(io.paint, head, rows, empty) };
      });
    },
  );
  verb(
    group,
    'show <contract>',
    {
      summary: 'one contract: ID, or ID@VERSION',
      examples: ['contract show ho_008_to_013', 'contract show ho_008_to_013@1.0.0'],
      needs: ['folder'],
    },
    async ({ args: [reference = ''], options, io }) => {
      const { registeredContract } = await import('../../client/pin-contract.js');
      return withStorage(options, 'read', async (storage) => {
        const found = await registeredContract(reference, storage, 'the registry');
        return { json: found, text: contractText(io.paint, found) };
      });
    },
  );
}

function checkVerb(group: Command): void {
  verb<{ schemas?: string[] }>(
    group,
    'check <file>',
    {
      summary: 'check a contract file without adding it',
      details:
        'Checks a contract file and names every fault by its place in it. Schema files are looked for in the --schemas\nfolders, beside the file, and in schemas beside it; one that is not there is a warning.',
      examples: [
        'contract check examples/input/contract.json',
        'contract check examples/input/contract.json --schemas src/schemas',
      ],
      exitCodes: { ok: 'valid', failed: 'it has faults' },
      options: [['--schemas <dir>', 'look for schema files here (repeatable)', many]],
      needs: [],
    },
    async ({ args: [file = ''], options, io }) => {
      const document = await read(file);
      const { checkContract } = await import('../../client/contract-schemas.js');
      const beside = file === '-' ? '.' : path.dirname(file);
      const folders = [...(options.schemas ?? []), beside, path.join(beside, 'schemas')];
      const check = await checkContract(document, { schemas: folders });
      const { valid, errors, warnings } = check;
      return { json: { valid, errors, warnings }, text: checkText(io.paint, check), exitCode: valid ? 0 : 1 };
    },
  );
}

function checkText(paint: Paint, { errors, warnings, document }: ContractCheck): string {
  const lines = (word: string, notes: readonly ContractNote[]): string[] =>
    notes.map((n) => `${word} ${safe(`${n.path || '/'}: ${n.message}`)}`);
  const said = [...lines(paint.red('error'), errors), ...lines(paint.yellow('warning'), warnings)];
  const count = `${errors.length} ${errors.length === 1 ? 'fault' : 'faults'}`;
  if (errors.length > 0 || !document)
    return [...said, `${paint.red('✗')} The contract is not valid: ${count}.`].join('\n');
  const { sends, back } = countsOf(document);
  const verdict = `${paint.green('✓')} ${safe(routeOf(document))}: ${sends} sent, ${back} expected back.`;
  return [...said, verdict].join('\n');
}

const countsOf = ({ contract }: ContractDocument): { sends: number; back: number } => ({
  sends: Object.keys(contract.sends ?? {}).length,
  back: Object.keys(contract.expects_in_return ?? {}).length,
});

function routeOf(document: ContractDocument): string {
  const { source, target } = contractParties(document);
  return `${partyText(source)} → ${partyText(target)}`;
}

function contractText(paint: Paint, { id, version, digest, document, addedAt }: StoredContract): string {
  const { sends = {}, expects_in_return: returns = {} } = document.contract;
  const schema = (s: unknown): string => (typeof s === 'string' ? s : s === undefined ? '' : 'inline');
  const sent = Object.entries(sends).map(([name, s]) => [
    name,
    schema(s.schema),
    [...(s.required === false ? ['optional'] : []), ...(s.requires ? [`needs ${s.requires.join(', ')}`] : [])].join(
      '; ',
    ),
  ]);
  const back = Object.entries(returns).map(([name, r]) => [
    name,
    schema(r.schema),
    `${r.timeout_minutes ?? DEFAULT_RETURN_TIMEOUT_MINUTES} min`,
    ifMissingOf(r),
    r.critical ? 'yes' : '',
  ]);
  return [
    `${paint.bold(id)} ${version}  ${safe(routeOf(document))}`,
    `digest ${digest} · added ${ago(addedAt)}`,
    '',
    table(paint, ['SENDS', 'SCHEMA', ''], sent, 'It sends nothing.'),
    '',
    table(paint, ['EXPECTS BACK', 'SCHEMA', 'WITHIN', 'IF MISSING', 'CRITICAL'], back, 'It expects nothing back.'),
    ...(document.timing
      ? ['', ...Object.entries(document.timing).map(([key, value]) => safe(`${key}: ${String(value)}`))]
      : []),
  ].join('\n');
}
