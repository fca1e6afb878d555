import type { Command } from 'commander';
import type { FoundRun, PlanSources } from '../../client/plan.js';
import { UsageError } from '../failure.js';
import { pageWidth } from '../text/layout.js';
import { number } from '../number.js';
import { PARTS_OPTIONS, type PartsOptions } from '../parts-options.js';
import { connectTo, existingStorage, storageOptions, type PlaceOptions } from '../place.js';
import { planText } from '../text/plan-text.js';
import { REQUEST_OPTIONS, readRequest, type RequestOptions } from '../request.js';
import { ago, table } from '../text/text.js';
import { many, verb } from '../verb.js';
import { sessionText, validationText } from '../text/validation-text.js';

/** A server that is not there is one of the things that a plan tells, so it does not wait long for it. */
const PATIENCE_MS = 2_000;

type Parts = Pick<PlanSources, 'catalogue' | 'rules' | 'oneWay' | 'transformers'>;

/** What a user has of their own, loaded only where they name any. */
async function partsOf(options: PartsOptions): Promise<Parts> {
  const { loadParts } = await import('../load-parts.js');
  const { parseProcedure } = await import('../../core/procedure-schema.js');
  const { Transformers } = await import('../../contracts/transformers.js');
  const { procedures = [], rules = [], actions = [], transformers } = await loadParts(options);
  return {
    catalogue: {
      procedures: procedures.map(parseProcedure),
      actions: actions.map((a) => a.name),
      rules: rules.map((r) => r.id),
    },
    rules,
    oneWay: actions.flatMap((a) => (a.undo ? [] : [a.name])),
    transformers: new Transformers(transformers),
  };
}

async function findRunAt(options: PlaceOptions, id: string): Promise<FoundRun | undefined> {
  const [{ findRun }, { connectClient }] = await Promise.all([
    import('../../client/plan.js'),
    import('../../temporal/connect.js'),
  ]);
  const { client: temporal, connection } = await connectClient({
    ...(await connectTo(options)),
    timeoutMs: PATIENCE_MS,
  });
  try {
    return await findRun({ temporal, taskQueue: '', deadlineMs: PATIENCE_MS }, id);
  } finally {
    await connection.close();
  }
}

/** For a shell. */
const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** What starts it, as it would have to be typed here. */
function commandFor(file: string, options: RequestOptions & PlaceOptions): string {
  const { id, session, contract, folder, address, namespace, profile, taskQueue, schemas = [] } = options;
  const given = { id, session, contract, folder: folder === '.handoff' ? undefined : folder };
  const more = Object.entries({ ...given, address, namespace, profile, 'task-queue': taskQueue });
  return [
    'handoff run',
    quoted(file),
    ...more.flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${quoted(value)}`])),
    ...schemas.map((dir) => `--schemas ${quoted(dir)}`),
  ].join(' ');
}

export function planVerbs(program: Command): void {
  verb<RequestOptions & PartsOptions>(
    program,
    'plan <file>',
    {
      summary: 'what a handoff would do, without doing any of it',
      details:
        'Checks a request and shows what a handoff by it would do: steps, rule results, rollback plan, what cannot be undone,\nwho is not reachable. Nothing is written, here or in Temporal. Exit code 0 only if nothing stands against a start.\nGive the --source, --root and --module that the worker has.',
      examples: [
        'plan examples/01-phase-transition.json',
        'plan examples/09-contract.yaml --module examples/05-own-action.mjs',
      ],
      options: [...REQUEST_OPTIONS, ...PARTS_OPTIONS],
      needs: ['folder', 'files', 'schemas', 'server'],
      exits: true,
    },
    async ({ args: [file = ''], options, io }) => {
      const { request, where } = await readRequest(file, options);
      const { planHandoff } = await import('../../client/plan.js');
      const { lookInto } = await import('../../storage/storage.js');
      const parts = await partsOf(options);
      const plan = await planHandoff(
        {
          look: (work) => lookInto(storageOptions(where), work),
          findRun: (id) => findRunAt(options, id),
          ...parts,
        },
        request,
      );
      const text = planText(io.paint, plan, commandFor(file, options), pageWidth());
      return { json: plan, text, exitCode: plan.ready ? 0 : 1 };
    },
  );
  verb<RequestOptions & PartsOptions & { rule?: string[]; procedure?: string }>(
    program,
    'validate <file>',
    {
      summary: 'run the rules of a procedure against a request, and record what they found',
      details:
        "Runs the rules that a request's procedure names, as the state is now, as one recorded validation session. What can be\ntold only once its steps have acted is left out, unless the handoff was started. Exit code 0 only if it passed.",
      examples: [
        'validate examples/01-phase-transition.json',
        'validate examples/02-agent-handoff.yaml --rule VR004 --rule VR006',
      ],
      options: [
        ...REQUEST_OPTIONS,
        ['--rule <id>', 'only this rule (repeatable)', many],
        ['--procedure <id>', 'the rules of this procedure, in place of the one in the file'],
        ...PARTS_OPTIONS,
      ],
      needs: ['folder', 'files', 'schemas'],
    },
    async ({ args: [file = ''], options, io }) => {
      const { request, where } = await readRequest(file, options);
      const { rule, procedure } = options;
      const { validateRequest } = await import('../../client/validate.js');
      const { catalogue, rules, transformers } = await partsOf(options);
      const storage = await existingStorage(where);
      try {
        const asked = { transformers, ...(rule ? { rules: rule } : {}), ...(procedure ? { procedure } : {}) };
        const found = await validateRequest(storage, catalogue, rules, request, asked);
        const text = validationText(io.paint, found, pageWidth());
        return { json: found, text, exitCode: found.verdict.passed ? 0 : 1 };
      } finally {
        await storage.close();
      }
    },
  );
  verb<{ limit?: number }>(
    program,
    'validations [id]',
    {
      summary: 'the last validation sessions, or one in full',
      examples: ['validations --limit 5'],
      options: [['--limit <n>', 'at most so many (default: 20)', number(1, { whole: true })]],
      needs: ['folder'],
    },
    async ({ args: [id], options, io }) => {
      const storage = await existingStorage(options);
      try {
        if (id === undefined) {
          const all = await storage.validations.latest(options.limit);
          const rows = all.map((v) => [
            v.passed ? '✓' : '✗',
            v.id,
            ago(v.startedAt),
            `${v.results.filter((r) => r.passed).length} of ${v.results.length}`,
          ]);
          const head = ['', 'SESSION', 'WHEN', 'RULES PASSED'];
          return { json: all, text: table(io.paint, head, rows, 'No validation sessions.') };
        }
        const found = await storage.validations.find(id);
        if (!found) throw new UsageError(`There is no validation session ${id}. See: handoff validations`);
        return { json: found, text: sessionText(io.paint, found, pageWidth()) };
      } finally {
        await storage.close();
      }
    },
  );
}
