import { createHash } from 'node:crypto';
import path from 'node:path';
import { inThread } from '../contracts/evaluator.js';
import { Unfit } from '../contracts/found.js';
import { DEFAULT_LIMITS } from '../contracts/limits.js';
import type { TestReport } from '../contracts/test-reports/read.js';
import { HandoffError } from '../core/errors.js';
import type { Attachment, Fact, ReportContent } from '../core/report/report.js';
import type { Storage } from '../storage/storage.js';

/** Bytes of one file that are read, and milliseconds that one may take, and all of a report. */
const LIMITS = { fileBytes: 16 * 1024 * 1024, fileMs: 15_000, allMs: 45_000 };
/** What is never a report of tests. */
const OTHERS = /^(?:image\/|application\/(?:pdf|zip|gzip)$)/;

export interface FactsFound {
  facts: Fact[];
  /** What is wrong with files that should have said something, each with the file's name. */
  findings: string[];
}

/**
 * What the attached files of a report say about tests and coverage, of those whose checksum is right: JUnit XML, lcov,
 * Cobertura XML, Istanbul JSON. A file that is broken, too large, or takes too long is a finding and never an error. They
 * are read in a thread of their own, one after the other, within 45 s in all. `digest`: of the content. The same file
 * always has the same fact.
 */
export async function readFacts(
  storage: Pick<Storage, 'blobs'>,
  content: Pick<ReportContent, 'attachments'>,
  { digest, at, signal = new AbortController().signal }: { digest: string; at: number; signal?: AbortSignal },
  limits = LIMITS,
): Promise<FactsFound> {
  const found: FactsFound = { facts: [], findings: [] };
  const end = Date.now() + limits.allMs;
  for (const attachment of content.attachments) {
    if (OTHERS.test(attachment.media_type)) continue;
    const timeMs = Math.min(limits.fileMs, end - Date.now());
    const read =
      timeMs > 0
        ? await readOne(storage, attachment, { ...limits, timeMs }, signal)
        : `not read, because the files before it took ${limits.allMs / 1000} s`;
    if (typeof read === 'string') found.findings.push(`${attachment.name}: ${read}`);
    else if (read) found.facts.push(factOf(attachment, read, digest, at));
  }
  return found;
}

/** What a file says; a text says what is wrong with it. */
async function readOne(
  storage: Pick<Storage, 'blobs'>,
  { name, media_type: mediaType, size, sha256 }: Attachment,
  { fileBytes, timeMs }: { fileBytes: number; timeMs: number },
  signal: AbortSignal,
): Promise<TestReport | string | undefined> {
  if (size > fileBytes) return `${size} bytes; of a report of tests at most ${fileBytes} are read`;
  try {
    const bytes = await storage.blobs.get({ uri: `blob:sha256/${sha256}`, sha256, size, mediaType });
    const limits = { ...DEFAULT_LIMITS, timeMs };
    const done = await inThread({ reading: { name: path.posix.basename(name), bytes } }, limits, signal);
    if ('broken' in done) return done.broken;
    if (!('read' in done)) return 'it cannot be read';
    const { read } = done;
    return read && 'tests' in read && read.tests.run + read.tests.skipped === 0 ? 'it counts no tests' : read;
  } catch (error) {
    if (error instanceof Unfit) return error.message;
    if (error instanceof HandoffError) {
      if (error.code === 'CONTENT_MISSING') return 'its content is not in the store';
      if (error.code === 'CONTENT_DAMAGED') return 'its content does not have the sha256 that was recorded';
    }
    throw error;
  }
}

function factOf(
  { name, sha256, component_type: component }: Attachment,
  read: TestReport,
  digest: string,
  at: number,
): Fact {
  const id = createHash('sha256')
    .update(`${sha256}\n${component ?? ''}\n${name}`)
    .digest('hex')
    .slice(0, 16);
  return {
    id: `file-${id}`,
    ...(component ? { component } : {}),
    source: { kind: 'file', attachment: name, sha256, format: read.format },
    ...('tests' in read ? { tests: read.tests } : { coverage: percent(read.lines) }),
    digest,
    at,
  };
}

/** Rounded down to two places: what falls short of 100 is not shown as 100. */
const percent = ({ covered, total }: { covered: number; total: number }): number =>
  Math.floor((covered / total) * 10_000 + 1e-6) / 100;
