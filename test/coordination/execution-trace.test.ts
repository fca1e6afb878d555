import { afterEach, describe, expect, it, vi } from 'vitest';
import { AgentHandoffCoordinator, ExecutionTrace, HandoffError } from '../../src/index.js';

afterEach(() => {
  vi.useRealTimers();
});

describe('ExecutionTrace', () => {
  it('says what was decided, measured and met, and when', () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 13, 11, 30) });
    const trace = new ExecutionTrace('write-spec');
    vi.advanceTimersByTime(1000);
    trace.recordDecision('template', 'standard', 'all seven sections');
    trace.recordMetric('pages', 12);
    trace.recordMetric('tokens', 4.5, 'k');
    vi.advanceTimersByTime(500);
    trace.recordError('E_SLOW', 'the model was slow');
    expect(trace.toJSON()).toMatchObject({ durationMs: 1500, success: false });
    trace.complete();
    vi.advanceTimersByTime(60_000);
    expect(JSON.parse(JSON.stringify(trace))).toEqual({
      operation: 'write-spec',
      timestamp: '2026-01-13T11:30:00.000Z',
      durationMs: 1500,
      decisions: [
        { point: 'template', choice: 'standard', reason: 'all seven sections', timestamp: '2026-01-13T11:30:01.000Z' },
      ],
      metrics: [
        { name: 'pages', value: 12 },
        { name: 'tokens', value: 4.5, unit: 'k' },
      ],
      errors: [{ code: 'E_SLOW', message: 'the model was slow', timestamp: '2026-01-13T11:30:01.500Z' }],
      success: true,
    });
  });

  it('takes what was thrown', () => {
    const trace = new ExecutionTrace('x');
    trace.recordError(new HandoffError('DISK_FULL', { path: '/x' }));
    trace.recordError(Object.assign(new Error('no such file'), { code: 'ENOENT' }));
    trace.recordError(Object.assign(new TypeError('not a function'), { code: 7 }));
    trace.recordError('just a word');
    expect(trace.toJSON().errors.map((e) => [e.code, e.message])).toEqual([
      ['DISK_FULL', expect.stringContaining('/x')],
      ['ENOENT', 'no such file'],
      ['TypeError', 'not a function'],
      ['Error', 'just a word'],
    ]);
  });

  it('does not mind that the time of day is set, and never lasts less than nothing', () => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 13) });
    const trace = new ExecutionTrace('x');
    vi.advanceTimersByTime(250);
    vi.setSystemTime(Date.UTC(2020, 0, 1));
    expect(trace.toJSON().durationMs).toBe(250);
    vi.useRealTimers();
    const real = new ExecutionTrace('x');
    vi.useFakeTimers();
    real.complete();
    expect(real.toJSON().durationMs).toBeGreaterThanOrEqual(0);
  });

  it('keeps what is recorded after the end; a second end takes the place of the first', () => {
    vi.useFakeTimers();
    const trace = new ExecutionTrace('x');
    vi.advanceTimersByTime(10);
    trace.complete(true);
    vi.advanceTimersByTime(10);
    trace.recordError('E', 'found later');
    expect(trace.toJSON()).toMatchObject({ durationMs: 10, success: true, errors: [{ code: 'E' }] });
    trace.complete(false);
    expect(trace.toJSON()).toMatchObject({ durationMs: 20, success: false });
  });

  it('refuses a metric that JSON cannot carry', () => {
    const trace = new ExecutionTrace('x');
    trace.recordMetric('fine', 0);
    for (const value of [Number.NaN, Infinity, -Infinity, '7' as unknown as number])
      expect(() => trace.recordMetric('bad', value)).toThrow(
        'Invalid handoff: /trace/metrics/1/value: must be a finite number',
      );
    expect(trace.toJSON().metrics).toEqual([{ name: 'fine', value: 0 }]);
  });

  it('gives copies: what a reader changes changes no trace', () => {
    const trace = new ExecutionTrace('x');
    trace.recordDecision('a', 'b', 'c');
    trace.toJSON().decisions[0]!.choice = 'changed';
    trace.toJSON().decisions.pop();
    expect(trace.toJSON().decisions).toMatchObject([{ choice: 'b' }]);
  });
});

describe('a snapshot', () => {
  it('has the records without their times, and is checked', () => {
    const trace = new ExecutionTrace('x');
    trace.recordDecision('a', 'b', 'c');
    trace.recordError('E', 'm');
    trace.recordMetric('n', 1, 'ms');
    const { decisions, metrics, errors } = AgentHandoffCoordinator.createTraceSnapshot(trace);
    expect({ decisions, metrics, errors }).toEqual({
      decisions: [{ point: 'a', choice: 'b', reason: 'c' }],
      metrics: [{ name: 'n', value: 1, unit: 'ms' }],
      errors: [{ code: 'E', message: 'm' }],
    });
    expect(() => AgentHandoffCoordinator.createTraceSnapshot({} as ExecutionTrace)).toThrow(
      /^Invalid handoff: \/trace\/operation: /,
    );
  });
});
