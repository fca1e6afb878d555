import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { writing } from './faults.js';
import { bytesOf, textOf, type Raw } from './raw.js';

/** A file that was taken in: the stamp of its source, of what was staged of it, its size and digest. */
export interface Finished {
  stamp: string;
  staged: string;
  size: number;
  sha256: string;
}

type Line =
  | ['head', string, string]
  | ['begun', Raw, string]
  | ['synced', Raw, number]
  | ['done', Raw, string, string, number, string];

/** Lines are written together, at the latest when this many characters wait. */
const BATCH = 32 * 1024;

/**
 * What an attempt has done, so that the next goes on there: lines of JSON, only ever added. A last line that a kill has
 * torn is forgotten.
 */
export class Journal {
  private readonly finished = new Map<Raw, Finished>();
  private readonly started = new Map<Raw, { stamp: string; synced: number }>();
  private waiting = '';
  /** Whether an earlier attempt wrote here, since the same start of the machine. */
  continues = false;
  sameBoot = false;

  private constructor(
    private readonly fd: number,
    private readonly file: Raw,
    private readonly sync: boolean,
  ) {}

  /** Opens the journal of one source, or begins it. Closed by {@link close}. */
  static open(file: Raw, source: string, sync: boolean): Journal {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
    const fd = writing(textOf(file), () => openSync(bytesOf(file), flags, 0o600));
    const journal = new Journal(fd, file, sync);
    try {
      journal.read(source);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return journal;
  }

  private read(source: string): void {
    const text = readAll(this.fd);
    const end = text.lastIndexOf('\n') + 1;
    const lines = text.slice(0, end).split('\n').slice(0, -1);
    const head = parse(lines[0]);
    if (head?.[0] !== 'head' || head[2] !== source) {
      // To empty an empty one would have ext4 write it to disk as it is closed, and its removal wait for that.
      if (text !== '') ftruncateSync(this.fd, 0);
      this.write(['head', BOOT, source]);
      this.flush();
      return;
    }
    this.continues = true;
    this.sameBoot = head[1] === BOOT;
    for (const text of lines.slice(1)) this.take(parse(text));
    if (end < text.length) ftruncateSync(this.fd, Buffer.byteLength(text.slice(0, end)));
  }

  private take(line: Line | undefined): void {
    if (line?.[0] === 'begun') this.started.set(line[1], { stamp: line[2], synced: 0 });
    else if (line?.[0] === 'synced') {
      const begun = this.started.get(line[1]);
      if (begun) begun.synced = line[2];
    } else if (line?.[0] === 'done')
      this.finished.set(line[1], { stamp: line[2], staged: line[3], size: line[4], sha256: line[5] });
  }

  done(rel: Raw, stamp: string): Finished | undefined {
    const known = this.finished.get(rel);
    return known?.stamp === stamp ? known : undefined;
  }

  /** Bytes of a large file that are known to be on disk; undefined where it was not begun with this source. */
  begun(rel: Raw, stamp: string): { synced: number } | undefined {
    const known = this.started.get(rel);
    return known?.stamp === stamp ? known : undefined;
  }

  begin(rel: Raw, stamp: string): void {
    this.write(['begun', rel, stamp]);
    this.flush();
  }

  syncedTo(rel: Raw, bytes: number): void {
    this.write(['synced', rel, bytes]);
    this.flush();
  }

  finish(rel: Raw, f: Finished): void {
    this.write(['done', rel, f.stamp, f.staged, f.size, f.sha256]);
    if (this.waiting.length > BATCH) this.flush();
  }

  private write(line: Line): void {
    this.waiting += `${JSON.stringify(line)}\n`;
  }

  /** Hands the lines that wait to the operating system: from then on a kill does not lose them. */
  flush(): void {
    if (!this.waiting) return;
    const text = this.waiting;
    this.waiting = '';
    writing(textOf(this.file), () => {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(this.fd, bytes, at, bytes.length - at, null);
      if (this.sync) fdatasyncSync(this.fd);
    });
  }

  close(): void {
    closeSync(this.fd);
  }
}

function readAll(fd: number): string {
  const parts: Buffer[] = [];
  // Most are new, and empty.
  if (fstatSync(fd).size === 0) return '';
  for (;;) {
    const part = Buffer.alloc(1 << 20);
    const n = readSync(fd, part, 0, part.length, null);
    if (n === 0) return Buffer.concat(parts).toString();
    parts.push(part.subarray(0, n));
  }
}

function parse(text: string | undefined): Line | undefined {
  try {
    return text ? (JSON.parse(text) as Line) : undefined;
  } catch {
    return undefined;
  }
}

/** Names this start of the machine: after another, what was not synced may be gone though its size is right. */
const BOOT = bootId();
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
