import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { fit, textWidth } from '../../src/cli/text/width.js';
import { board, type Size } from '../../src/cli/watch/board.js';
import { depth, type Depth } from '../../src/cli/watch/depth.js';
import { rowOf, sorted, type Row, type Watched } from '../../src/cli/watch/rows.js';
import { initialState, type HandoffState } from '../../src/core/handoff.js';
import { reduce, type HandoffEvent } from '../../src/core/reducer.js';
import type { Subject } from '../../src/core/request.js';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const SIZES = [20, 60, 80, 120, 200].map((columns) => ({ columns, rows: 24 }));
const paint = picocolors.createColors(true);
const plain = picocolors.createColors(false);

/** What Node's own line editor says that a text takes: another opinion than ours. */
const reader = createInterface({ input: new PassThrough(), prompt: '' });
function columnsOf(text: string): number {
  Object.assign(reader, { line: stripVTControlCharacters(text), cursor: stripVTControlCharacters(text).length });
  const { rows, cols } = reader.getCursorPos();
  return rows === 0 ? cols : Infinity;
}

const NASTY = 'wegen 法務部の承認待ち 👩‍👩‍👧 🏳️‍🌈 e\u0301\u0301 \u001b[31mred\u001b[0m\nand a second line';

function state(...events: Record<string, unknown>[]): HandoffState {
  const first = initialState({ now: NOW - 10 * MINUTE, expiresInMs: 60 * MINUTE, clockWhilePaused: 'stop' });
  const all = [{ type: 'began', steps: ['prepare', 'ask'], epochs: {} }, ...events];
  return all.reduce((s, e, i) => reduce(s, { now: NOW - 9 * MINUTE + i, ...e } as HandoffEvent), first);
}
const WORK = { type: 'step_started', step: 'prepare' };
const DONE = { type: 'step_finished', step: 'prepare' };
const ASK = { type: 'step_started', step: 'ask' };
const OFFER = { type: 'offered', step: 'ask' };

const STATES: Record<string, HandoffState> = {
  running: state(WORK),
  pending: initialState({ now: NOW - MINUTE, expiresInMs: 60 * MINUTE, clockWhilePaused: 'stop' }),
  offered: state(WORK, DONE, ASK, OFFER),
  accepted: state(WORK, DONE, ASK, OFFER, { type: 'accept', by: '@t', leaseMinutes: 30 }),
  paused: state(WORK, DONE, { type: 'pause', by: 'me', reason: NASTY }),
  draining: state(WORK, { type: 'pause', by: 'me', reason: 'legal' }),
  incident: state(WORK, { type: 'step_failed', step: 'prepare', hold: true, error: { code: 'X_Y', message: NASTY } }),
  compensating: state(WORK, DONE, { type: 'cancel', by: 'me', reason: NASTY }),
};

const subject = (handoffId: string): Subject => ({
  handoffId,
  session: 'blog',
  type: 'AGENT_HANDOFF',
  priority: 'normal',
  source: { agent: '@code-architect', phase: '8' },
  target: { agent: `@${'long'.repeat(30)}` },
  procedure: { id: 'P_Q', version: '1.0.0', digest: 'd'.repeat(64) },
  requestDigest: 'e'.repeat(64),
});
const watched = (handoffId: string, s?: HandoffState): Watched => ({
  handoffId,
  status: s?.status ?? 'running',
  procedure: 'P_Q',
  createdAt: NOW - 10 * MINUTE,
  subject: subject(handoffId),
  ...(s ? { state: s } : {}),
});
const row = (id: string, s?: HandoffState, past: HandoffState[] = []): Row => rowOf(watched(id, s), past, NOW);
const ROWS = sorted([
  ...Object.entries(STATES).map(([id, s]) => row(id, s)),
  row('x'.repeat(128), STATES['running']),
  row('no-state'),
]);
const frame = (rows: Row[], size: Size, p = paint): string[] =>
  board(p, { rows, note: NASTY, keys: true, now: NOW }, size);

describe('the width of text', () => {
  it.each(['plain', '法務部', 'e\u0301', '👩‍👩‍👧', '🏳️‍🌈', 'é', '한국어', 'ｆｕｌｌ', '…→✓▶·', '\u001b[31mred\u001b[39m'])(
    'of %j is what a terminal takes, and what is cut off fits',
    (text) => {
      // Where a terminal shows a family as one character and Node counts its members, too much is as good.
      expect(textWidth(text)).toBe(/\u200d/.test(text) ? 2 : columnsOf(text));
      for (let columns = 0; columns < 10; columns++) {
        const cut = fit(text.repeat(3), columns);
        expect(textWidth(cut)).toBeLessThanOrEqual(columns);
        expect(cut === text.repeat(3) || columns === 0 || stripVTControlCharacters(cut).endsWith('…')).toBe(true);
      }
    },
  );

  it('ends a colour that it cuts', () => {
    expect(fit('\u001b[31mabcdef\u001b[39m', 3)).toBe('\u001b[31mab…\u001b[39m');
  });
});

describe('the list', () => {
  it.each(SIZES)('fits $columns columns and $rows rows, whatever others wrote', (size) => {
    for (const lines of [frame(ROWS, size), frame([], size), frame([...ROWS, ...ROWS, ...ROWS], size)]) {
      expect(lines.length).toBeLessThanOrEqual(size.rows);
      expect(lines.filter((line) => textWidth(line) > size.columns || line.includes('\n'))).toEqual([]);
      // Only our own colours.
      expect(lines.join('').replaceAll(/\u001b\[\d+m/g, '')).not.toMatch(/[\u0000-\u001f]/);
    }
  });

  it('counts what has no room, and shows what needs a person first', () => {
    const many = Array.from({ length: 41 }, (_, i) => row(`r${i}`, STATES['running']));
    const rows = sorted([...many, row('help', STATES['incident'])]);
    const lines = frame(rows, { columns: 100, rows: 12 }, plain);
    expect(lines[3]).toMatch(/^ID /);
    expect(lines[4]).toMatch(/^help +incident/);
    expect(lines).toContainEqual('… and 37 more');
    const tiny = frame(rows, { columns: 100, rows: 6 }, plain);
    expect(tiny).toContainEqual('… and 42 more');
    expect(tiny.join('\n')).not.toContain('Nothing');
    expect(lines[0]).toContain('42 in flight: 1 incident, 41 running');
  });

  it('puts incidents before offers, completions, pauses, and what runs by itself', () => {
    expect(ROWS.map((r) => r.handoffId).filter((id) => id in STATES)).toEqual([
      'incident',
      'offered',
      'accepted',
      'paused',
      'draining',
      'compensating',
      'running',
      'pending',
    ]);
  });

  it('says for whom and since when each waits', () => {
    const of = (id: string): unknown => ROWS.find((r) => r.handoffId === id)!.waitsFor;
    expect(of('incident')).toBe('a person: inc-1, Prepare (X_Y)');
    expect(of('offered')).toBe(`@${'long'.repeat(30)} to accept`);
    expect(of('accepted')).toBe('@t to complete');
    expect(of('draining')).toBe('a step that still ends; then resume (me: legal)');
    expect(of('running')).toBeUndefined();
    expect(frame([row('offered', STATES['offered'])], { columns: 220, rows: 9 }, plain)[4]).toMatch(/…  9 min {2}/);
  });

  it('marks what is late: by its past, and by its expiry', () => {
    const past = [1, 2, 3].map((s): HandoffState => {
      const done = state(WORK);
      const step = {
        ...done.steps['prepare']!,
        status: 'finished' as const,
        finishedAt: NOW - 9 * MINUTE + 1 + s * 1000,
      };
      return { ...done, status: 'completed', since: step.finishedAt, steps: { prepare: step } };
    });
    const text = (r: Row): string => frame([r], { columns: 220, rows: 9 }, plain)[4]!;
    const late = row('a', STATES['running'], past);
    expect(late).toMatchObject({ late: 'slow', forecast: { usualMs: 2000, until: 'end' } });
    expect(text(late)).toContain('LATE: usually 2 s');
    const early = rowOf(watched('b', STATES['running']), past, NOW - 9 * MINUTE + 1);
    expect(early.late).toBeUndefined();
    expect(text(early)).toContain('done in ~2 s');
    const soon = rowOf(watched('c', STATES['offered']), past, NOW + 46 * MINUTE);
    expect(soon.late).toBe('expires');
    expect(text(soon)).toContain('LATE: expires in 4 min');
    // A clock that stands still runs out of nothing.
    expect(rowOf(watched('d', STATES['paused']), past, NOW + 46 * MINUTE).late).toBeUndefined();
  });
});

describe('one handoff in depth', () => {
  const of = (id: string, more: Partial<Depth> = {}): Depth => ({
    status: { handoffId: id, status: STATES[id]!.status, from: 'run', subject: subject(id), state: STATES[id]! },
    row: row(id, STATES[id]),
    attempts: { prepare: { epoch: 1, attempts: 3 } },
    note: undefined,
    keys: true,
    now: NOW,
    ...more,
  });

  it.each(SIZES)('fits $columns columns and $rows rows in every state', (size) => {
    for (const id of Object.keys(STATES)) {
      const lines = depth(paint, of(id, { note: NASTY }), size);
      expect(lines.length).toBeLessThanOrEqual(size.rows);
      expect(lines.filter((line) => textWidth(line) > size.columns || line.includes('\n'))).toEqual([]);
    }
  });

  it('names the command to press, the attempts, what is left, and what a cancel would undo', () => {
    const effect = { status: 'applied', irreversible: false } as never;
    const sent = { status: 'intended', irreversible: true } as never;
    const gone = { status: 'undone', irreversible: false } as never;
    const text = depth(plain, of('incident', { effects: [effect, effect, sent, gone] }), {
      columns: 999,
      rows: 99,
    }).join('\n');
    expect(text).toContain('$ handoff retry incident --reason "…"\n$ handoff skip incident --reason "…"');
    expect(text).toMatch(/✗ Prepare .* 3 /);
    expect(text).toContain('A cancel now would undo 2 effects; 1 effect cannot be undone.');
    expect(text).toContain('50 min left until it expires.');
    const paused = depth(plain, of('paused'), { columns: 999, rows: 99 }).join('\n');
    expect(paused).toContain('59 min left until it expires; the clock stands still.');
    expect(paused).toContain('$ handoff resume paused');
    const lease = depth(plain, of('accepted'), { columns: 999, rows: 99 }).join('\n');
    expect(lease).toContain('21 min left until the lease is over and it is offered again.');
    expect(lease).toContain('$ handoff complete accepted --by @t --epoch 1');
  });
});
