import type { Command } from 'commander';
import type { ManifestFilter } from '../../core/manifest.js';
import { UsageError } from '../failure.js';
import { withStorage } from '../place.js';
import { verb } from '../verb.js';

export function artifactVerbs(program: Command): void {
  verb<ManifestFilter>(
    program,
    'manifest',
    {
      summary: 'what was handed over: every artifact, where it came from and where it went',
      details:
        'The artifact manifest, oldest first; with --json as one document. What was undone stays in it, and says so.\nOf several options all must hold.',
      examples: ['manifest', 'manifest --phase 13 --json', 'manifest --digest 3f9a2c'],
      options: [
        ['--artifact <name>', 'those with this id, or this name anywhere on their way'],
        ['--phase <name>', 'those that came from this phase or were sent there'],
        ['--handoff <id>', 'those that this handoff moved'],
        ['--session <id>', 'those that were moved in this session'],
        ['--digest <hex>', 'those whose SHA-256 begins so'],
      ],
      needs: ['folder'],
    },
    ({ options, io }) =>
      withStorage(options, 'read', async (storage) => {
        const [{ manifestOf }, { manifestTable }] = await Promise.all([
          import('../../client/manifest.js'),
          import('../text/artifacts-text.js'),
        ]);
        const { artifact, phase, handoff, session, digest } = options;
        const document = await manifestOf(storage, { artifact, phase, handoff, session, digest });
        return { json: document, text: manifestTable(io.paint, document.artifacts) };
      }),
  );
  verb<{ verify?: boolean }>(
    program,
    'trace <artifact>',
    {
      summary: 'where one artifact came from, where it went, and what was made of it',
      details:
        'Takes an id, a name, a path, or the beginning of a SHA-256. ✓ it arrived; ↶ it was taken back; ✗ it is no longer what it was.',
      examples: [
        'trace design.md',
        'trace artifact_001 --verify',
        'trace examples/input/code-architecture.json --json',
      ],
      options: [['--verify', 'read where it lies and compare the digests']],
      exitCodes: { failed: 'none or several go by that name' },
      needs: ['folder'],
    },
    ({ args: [what = ''], options, io }) =>
      withStorage(options, 'read', async (storage) => {
        const [{ traceOf }, { traceText }] = await Promise.all([
          import('../../client/manifest.js'),
          import('../text/trace-text.js'),
        ]);
        const trace = await traceOf(storage, what, { verify: options.verify ?? false });
        return { json: trace, text: traceText(io.paint, trace) };
      }),
  );
  verb<{ all?: boolean }>(
    program,
    'verify [what...]',
    {
      summary: 'read what was handed over again, and name all that is no longer as it was',
      details:
        'Hashes what these handoffs and artifacts have put in place, and compares it with the manifest; and the manifest with the effects ledger. What was undone or overwritten by a later transfer is left out.',
      examples: ['verify ho_1', 'verify design.md artifact_002', 'verify --all --json'],
      options: [['--all', 'everything in the manifest']],
      exitCodes: { ok: 'all is as it was', failed: 'something differs' },
      needs: ['folder'],
    },
    ({ args, options, io }) => {
      // Commander puts a variadic argument into one place.
      const names = args.flat();
      if (names.length === 0 && !options.all) {
        throw new UsageError('Name handoffs or artifacts, or say --all.');
      }
      return withStorage(options, 'read', async (storage) => {
        const [{ verifyArtifacts }, { verificationText }] = await Promise.all([
          import('../../client/manifest.js'),
          import('../text/artifacts-text.js'),
        ]);
        const progress = await progressOn(process.stderr);
        const found = await verifyArtifacts(storage, options.all ? undefined : names, progress.options).finally(
          progress.end,
        );
        return { json: found, text: verificationText(io.paint, found), exitCode: found.ok ? 0 : 1 };
      });
    },
  );
}

/** A line that is redrawn while it works, for who watches a terminal. */
async function progressOn(stream: NodeJS.WriteStream) {
  if (!stream.isTTY) return { options: {}, end: () => {} };
  const { progressText } = await import('../text/artifacts-text.js');
  let drawn = 0;
  return {
    options: {
      onProgress: (progress: Parameters<typeof progressText>[0]) => {
        if (Date.now() - drawn < 100) return;
        drawn = Date.now();
        stream.write(`\r\u001b[K${progressText(progress, (stream.columns || 80) - 1)}`);
      },
    },
    end: () => void stream.write('\r\u001b[K'),
  };
}
