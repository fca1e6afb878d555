import type { Command } from 'commander';
import { safe } from '../text/text.js';
import { verb } from '../verb.js';

export function digestVerb(program: Command): void {
  verb(
    program,
    'digest <files...>',
    {
      summary: 'the SHA-256 of files and folders, as an artifact declares it',
      details:
        'Prints the SHA-256 of each file, and of each folder its tree digest: content, modes, links and empty folders,\nwithout times and owners. What it prints may stand as `sha256` of an artifact, or `checksum` in a contract.',
      examples: ['digest examples/01-phase-transition.json', 'digest examples --json'],
      needs: [],
    },
    async ({ args }) => {
      const { treeDigest } = await import('../../storage/transfer/print.js');
      const found = [];
      for (const path of args) {
        const { kind, sha256, size, files } = await treeDigest(path);
        found.push({ path, kind, sha256, files, bytes: size });
      }
      return { json: found, text: safe(found.map((f) => `${f.sha256}  ${f.path}`).join('\n')) };
    },
  );
}
