import { open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { REPORTS, lineCoverage, type Lines } from '../contracts/test-reports/coverage.js';
import type { Contract, ContractFault, FaultCode } from '../core/contract.js';
import type { ArtifactSpec } from '../core/request.js';
import type { Storage } from '../storage/storage.js';
import { locateIfThere } from '../storage/files.js';

/** How deep reports are looked for, among how many entries, and how large one may be. Links are not followed. */
const DEPTH = 6;
const ENTRIES = 20_000;
const REPORT_BYTES = 16 * 1024 * 1024;
/** Reports of one directory that are tried. */
const TRIED = 20;

/** Faults of directories whose line coverage is under the contract's `minimum_test_coverage`, or not to be had. */
export async function coverageFaults(
  contract: Contract,
  artifacts: readonly ArtifactSpec[],
  storage: Pick<Storage, 'sources'>,
): Promise<ContractFault[]> {
  const faults = await Promise.all(
    artifacts.map(async ({ name, ...spec }): Promise<ContractFault[]> => {
      const minimum = Object.hasOwn(contract.returns, name) ? contract.returns[name]!.minimum_test_coverage : undefined;
      if (minimum === undefined) return [];
      const place = await locateIfThere({ name, ...spec }, storage.sources);
      // Another fault says that it is missing, or no directory.
      if (place?.kind !== 'directory') return [];
      const fault = await judged(place.path, minimum);
      if (!fault) return [];
      const { code, expected, found } = fault;
      return [
        {
          code,
          artifact: name,
          pointer: '',
          expected,
          found,
          message: `${name}: expected ${expected}, found ${found}`,
        },
      ];
    }),
  );
  return faults.flat();
}

async function judged(
  folder: string,
  minimum: number,
): Promise<{ code: FaultCode; expected: string; found: string } | undefined> {
  const expected = `line coverage of at least ${percent(minimum)}`;
  const { report, tried } = await coverageIn(folder);
  if (!report) {
    const names = Object.keys(REPORTS).join(', ');
    const found = tried.length > 0 ? `no report that can be read (${tried.join('; ')})` : `no report (${names})`;
    return { code: 'coverage_missing', expected, found };
  }
  const ratio = report.covered / report.total;
  if (ratio >= minimum - 1e-9) return undefined;
  return { code: 'coverage_too_low', expected, found: `${percent(ratio)} in ${report.file}` };
}

const percent = (ratio: number): string => `${Math.floor(ratio * 1000 + 1e-6) / 10} %`;

/**
 * The line coverage of the first report of a directory that can be read: by kind in the order of {@link REPORTS}, of a
 * kind the one nearest to the top, then by name. `tried`: those before it, and why not.
 */
export async function coverageIn(folder: string): Promise<{ report?: Lines & { file: string }; tried: string[] }> {
  const tried: string[] = [];
  for (const file of (await reportsIn(folder)).slice(0, TRIED)) {
    try {
      const lines = lineCoverage(path.basename(file), await bounded(path.join(folder, file)));
      if (lines && lines.total > 0) return { report: { ...lines, file }, tried };
      tried.push(`${file}: no lines`);
    } catch (error) {
      tried.push(`${file}: ${(error as Error).message.split('\n')[0]!.slice(0, 120)}`);
    }
  }
  return { tried };
}

/** Paths of reports below a folder, the best first. */
async function reportsIn(folder: string): Promise<string[]> {
  const kinds = Object.keys(REPORTS);
  const found: { file: string; kind: number; depth: number }[] = [];
  let left = ENTRIES;
  for (let level = [''], depth = 0; level.length > 0 && depth < DEPTH; depth++) {
    const below: string[] = [];
    for (const at of level.toSorted()) {
      for (const entry of await readdir(path.join(folder, at), { withFileTypes: true })) {
        if (--left < 0) break;
        const file = path.join(at, entry.name);
        if (entry.isDirectory() && entry.name !== 'node_modules') below.push(file);
        const kind = entry.isFile() ? kinds.indexOf(entry.name) : -1;
        if (kind >= 0) found.push({ file, kind, depth });
      }
    }
    level = below;
  }
  return found
    .toSorted((a, b) => a.kind - b.kind || a.depth - b.depth || (a.file < b.file ? -1 : 1))
    .map(({ file }) => file);
}

async function bounded(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    if (size > REPORT_BYTES) throw new Error(`${size} bytes; at most ${REPORT_BYTES} are read`);
    return await readFile(handle, 'utf8');
  } finally {
    await handle.close();
  }
}
