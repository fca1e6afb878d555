import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Subject } from '../../src/core/request.js';
import type { UndoChoice } from '../../src/core/task.js';
import { openStorage, type Storage } from '../../src/storage/storage.js';
import { subjectOf } from '../storage/place.js';

export type Choice = UndoChoice['choice'];
/** What is done to one of the places, or by one of the handoffs. */
export type Deed =
  | { what: 'pass'; who: number; step: 1 | 2; files: { name: string; version: number }[] }
  | { what: 'pass_on'; who: number; name: string }
  | { what: 'undo'; who: number; choice: Choice }
  | { what: 'complete'; who: number }
  | { what: 'edit'; name: string; version: number };

/** What may stand in the way of handoffs that meet; anything else is a fault of the engine. */
const EXPECTED = new Set([
  'DESTINATION_RESERVED',
  'DESTINATION_CHANGED',
  'STALE_EPOCH',
  'ARTIFACT_MISSING',
  'ARTIFACT_CHANGED',
  // What is passed on may be taken back while it is read, and a staging folder be removed by who was last in it.
  'ENOENT',
  'ENOTDIR',
]);

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

interface Answer {
  id: number;
  code?: string;
  message?: string;
  /** Undos that somebody had to decide, and how they ended. */
  decided?: { place: string; result: string }[];
}

/** Handoffs that meet in one phase, each worked on by a process of its own, on one database and real files. */
export class Passing {
  private round = 0;
  private asked = 0;
  private lives: number[] = [];
  /** The newest transfer when somebody else last decided what lies at a place. */
  private readonly foreign = new Map<string, number>();
  /** How often handoffs stood in each other's way, by code. */
  readonly met: Record<string, number> = {};

  private constructor(
    readonly folder: string,
    private readonly storage: Storage,
    private readonly processes: ChildProcess[],
    private readonly gone: Promise<unknown>[],
  ) {}

  static async create(handoffs: number): Promise<Passing> {
    const folder = mkdtempSync(path.join(tmpdir(), 'handoff-passing-'));
    mkdirSync(path.join(folder, 'in'));
    for (const version of [0, 1, 2]) writeFileSync(path.join(folder, 'in', `v${version}`), `version ${version}`);
    const data = path.join(folder, 'data');
    // Arrivals are sources too: what has arrived is passed on.
    const options = { folder: data, sources: [path.join(folder, 'in'), data] };
    const storage = await openStorage(options);
    const main = path.join(import.meta.dirname, 'passing-main.mjs');
    const env = { ...process.env, PASSING: JSON.stringify(options) };
    const processes = Array.from({ length: handoffs }, () => fork(main, { env, execArgv: [] }));
    const gone = processes.map((p) => new Promise((resolve) => p.once('exit', resolve)));
    // One that does not come up ends at once, and would be waited for in vain.
    const ready = processes.map((p) => new Promise((resolve) => p.once('message', resolve)));
    const up = await Promise.race([Promise.all(ready).then(() => true), Promise.race(gone).then(() => false)]);
    if (!up) throw new Error('a process that passes artifacts on ended before it was ready');
    return new Passing(folder, storage, processes, gone);
  }

  async close(): Promise<void> {
    for (const child of this.processes) child.disconnect();
    await Promise.all(this.gone);
    await this.storage.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A phase that nobody has been in, and handoffs that have done nothing. */
  begin(): void {
    this.round++;
    this.lives = this.processes.map(() => 0);
  }

  private subject(who: number): Subject {
    const target = { phase: `p${this.round}` };
    return subjectOf(`r${this.round}-h${who}-${this.lives[who]!}`, { target });
  }

  private place(name: string): string {
    return path.join(this.storage.root, 'artifacts', `phase_p${this.round}`, name);
  }

  private ask(who: number, order: Record<string, unknown>): Promise<Answer> {
    const id = ++this.asked;
    const child = this.processes[who]!;
    return new Promise((resolve, reject) => {
      const heard = (answer: Answer): void => {
        if (answer.id !== id) return;
        child.off('message', heard);
        const known = answer.code !== undefined && EXPECTED.has(answer.code);
        if (known) this.met[answer.code!] = (this.met[answer.code!] ?? 0) + 1;
        if (answer.message === undefined || known) resolve(answer);
        else reject(new Error(answer.message));
      };
      child.on('message', heard);
      child.send({ id, ...order });
    });
  }

  async do(deed: Deed): Promise<void> {
    switch (deed.what) {
      case 'pass': {
        const artifacts = deed.files.map(({ name, version }) => ({ name, path: `v${version}` }));
        return this.pass(deed.who, { step: `step${deed.step}`, artifacts, target: { phase: `p${this.round}` } });
      }
      case 'pass_on': {
        const artifacts = [{ name: deed.name, path: this.place(deed.name) }];
        return this.pass(deed.who, { step: 'on', artifacts, target: { phase: `p${this.round}next` } });
      }
      case 'undo':
        return this.undo(deed.who, deed.choice);
      case 'complete':
        return this.end(deed.who);
      case 'edit':
        mkdirSync(path.dirname(this.place(deed.name)), { recursive: true });
        writeFileSync(this.place(deed.name), `edited ${deed.version}`);
        return this.isForeign(this.place(deed.name));
    }
  }

  private async pass(who: number, order: Record<string, unknown>): Promise<void> {
    await this.ask(who, { what: 'pass', subject: this.subject(who), ...order });
  }

  private async undo(who: number, choice: Choice): Promise<void> {
    const order = { subject: this.subject(who), steps: ['step1', 'step2', 'on'], choice, merged: 'merged by hand' };
    const { decided = [] } = await this.ask(who, { what: 'undo', ...order });
    for (const { place, result } of decided) {
      this.met['UNDO_CONFLICT'] = (this.met['UNDO_CONFLICT'] ?? 0) + 1;
      if (result !== 'restored_before') await this.isForeign(place);
    }
    await this.end(who);
  }

  /** It is closed; the next deed of this one is another handoff's. */
  private async end(who: number): Promise<void> {
    const { handoffId } = this.subject(who);
    await this.storage.db.updateTable('handoffs').set({ closed_at: 1 }).where('id', '=', handoffId).execute();
    this.lives[who]!++;
  }

  private async isForeign(place: string): Promise<void> {
    const newest = this.storage.db.selectFrom('transfers').select((e) => e.fn.max('seq').as('seq'));
    this.foreign.set(place, (await newest.executeTakeFirst())?.seq ?? 0);
  }

  /** What of this round's manifest is not true, in words. */
  async faults(): Promise<string[]> {
    const { db, root } = this.storage;
    const like = path.join(root, 'artifacts', `phase_p${this.round}`);
    const all = await db.selectFrom('transfers').selectAll().orderBy('seq').execute();
    const rows = all.filter((r) => [like, `${like}next`].includes(path.dirname(r.transferred_path)));
    const latest = new Map(rows.filter((r) => r.status === 'success').map((r) => [r.transferred_path, r]));
    const faults: string[] = [];
    const files = new Map(
      [like, `${like}next`].flatMap((folder) =>
        namesIn(folder).map(
          (name) => [path.join(folder, name), sha256(readFileSync(path.join(folder, name)))] as const,
        ),
      ),
    );
    for (const [place, row] of latest) {
      if ((this.foreign.get(place) ?? -1) >= row.seq) continue;
      const found = files.get(place);
      if (found !== row.transfer_checksum)
        faults.push(`${place}: ${row.key} arrived, and there is ${found ?? 'nothing'}`);
    }
    for (const place of files.keys())
      if (!latest.has(place) && !this.foreign.has(place)) faults.push(`${place}: nobody has put it there`);
    const effects = await db.selectFrom('effects').selectAll().where('handoff', 'like', `r${this.round}-%`).execute();
    for (const { key, status } of effects) {
      const row = rows.find((r) => r.key === key);
      const fits = { intended: undefined, applied: 'success', undone: row && 'undone' }[status];
      if (row?.status !== fits)
        faults.push(`${key}: ${status} in the ledger, ${row?.status ?? 'nothing'} in the manifest`);
    }
    if (rows.length !== new Set(rows.map((r) => r.key)).size) faults.push('an arrival stands there twice');
    return faults;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
