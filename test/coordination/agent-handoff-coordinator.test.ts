import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  AgentHandoffCoordinator,
  ExecutionTrace,
  agentHandoffCoordinator,
  type CreateHandoffRequest,
  type HandoffPackage,
  type HandoffPriority,
  type HandoffStatus,
} from '../../src/index.js';
import { fieldsOf, prepared } from './parts.js';

const prepareHandoff = (request: CreateHandoffRequest) => AgentHandoffCoordinator.prepareHandoff(request);
const parseHandoff = (json: string | object) => AgentHandoffCoordinator.parseHandoff(json);
const toJSON = (handoff: HandoffPackage) => AgentHandoffCoordinator.toJSON(handoff);

afterEach(() => {
  vi.useRealTimers();
});

describe('a prepared package', () => {
  it('expires after an hour where nothing else is said', () => {
    const { createdAt, expiresAt } = prepared({ expirationMinutes: undefined });
    expect(expiresAt!.getTime() - createdAt.getTime()).toBe(3_600_000);
  });

  it('takes any agent, and ids differ', () => {
    const [a, b] = [prepared({ targetAgent: '@somebody-else' }), prepared()];
    expect(a.targetAgent).toBe('@somebody-else');
    expect(a.id).not.toBe(b.id);
  });

  it('is its fields alone to those who compare, spread and list; its JSON is an object', () => {
    const handoff = prepared();
    expect(Object.keys(handoff)).not.toContain('toJSON');
    expect('toJSON' in { ...handoff }).toBe(false);
    expect(handoff).toEqual(fieldsOf(handoff));
    expect(handoff.toJSON()).toEqual(JSON.parse(JSON.stringify(handoff)));
    expect(handoff.toJSON()).toMatchObject({
      createdAt: handoff.createdAt.toISOString(),
      instructions: { deadline: '2026-01-14T12:00:00.000Z' },
    });
    expect(parseHandoff(handoff.toJSON())).toEqual(handoff);
    handoff.status = 'accepted';
    expect(handoff.toJSON().status).toBe('accepted');
  });

  it('shares nothing with what it was made of, nor with what was read from it', () => {
    const context = { artifacts: ['spec.md'], custom: { list: [1] } };
    const trace = new ExecutionTrace('x');
    const handoff = prepared({ context, trace });
    const read = parseHandoff(handoff);
    context.artifacts.push('other.md');
    context.custom.list.push(2);
    trace.recordMetric('late', 1);
    expect(handoff).toMatchObject({
      context: { artifacts: ['spec.md'], custom: { list: [1] } },
      trace: { metrics: [] },
    });
    handoff.context.artifacts!.push('third.md');
    expect(read.context.artifacts).toEqual(['spec.md']);
  });

  it.each<[string, Partial<CreateHandoffRequest>]>([
    ['/expirationMinutes: ', { expirationMinutes: -1 }],
    ['/expirationMinutes: ', { expirationMinutes: Number.NaN }],
    ['/expirationMinutes: ', { expirationMinutes: Infinity }],
    ['/expirationMinutes: ', { expirationMinutes: 1e9 }],
    ['/expirationMinutes: ', { expirationMinutes: '60' as unknown as number }],
    ['/sourceAgent: ', { sourceAgent: '' }],
    ['/targetAgent: ', { targetAgent: undefined }],
    ['/priority: ', { priority: 'urgent' as HandoffPriority }],
    ['/context: ', { context: undefined }],
    ['/context/artifacts/0: ', { context: { artifacts: [7 as unknown as string] } }],
    ['/context/decisions/0/why: ', { context: { decisions: [{ what: 'x' } as { what: string; why: string }] } }],
    ['/context/custom/when: a Map is not JSON', { context: { custom: { when: new Map() } } }],
    ['/context/custom/n: bigint is not JSON', { context: { custom: { n: 1n } } }],
    ['/context/custom/n: NaN is not JSON', { context: { custom: { n: Number.NaN } } }],
    ['/context/custom/f: function is not JSON', { context: { custom: { f: () => 1 } } }],
    ['/context/custom/l/1: undefined is not JSON', { context: { custom: { l: [1, undefined] } } }],
    ['/context/custom/d: is not a date', { context: { custom: { d: new Date(Number.NaN) } } }],
    ['/context/custom/t: has half of a surrogate pair', { context: { custom: { t: '\ud800' } } }],
    ['/context/custom: has half of a surrogate pair', { context: { custom: { '\udfff': 1 } } }],
    ['/instructions: ', { instructions: undefined }],
    ['/instructions/task: ', { instructions: {} as { task: string } }],
    ['/instructions/deadline: ', { instructions: { task: 'x', deadline: 'soon' as unknown as Date } }],
  ])('is refused with its place: %s', (place, over) => {
    expect(() => prepared(over)).toThrow(`The handoff request is not valid: ${place}`);
  });

  it('is refused as a whole where it is none', () => {
    for (const request of [null, undefined, 'x', [], 7] as unknown as CreateHandoffRequest[])
      expect(() => prepareHandoff(request)).toThrow('The handoff request is not valid: /: must be an object');
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(() => prepared({ context: { custom: cycle } })).toThrow('nested more than 64 levels deep');
  });

  it('has every fault named at once', () => {
    const wrong = {
      priority: 'x' as HandoffPriority,
      sourceAgent: '',
      context: { userRequest: 7 as unknown as string },
    };
    const error = (() => {
      try {
        return prepared(wrong);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toMatchObject({ name: 'HandoffError', code: 'INVALID_REQUEST' });
    const { list } = (error as { params: { list: { path: string }[] } }).params;
    expect(list.map((i) => i.path).toSorted()).toEqual(['/context/userRequest', '/priority', '/sourceAgent']);
  });
});

describe('a package read again', () => {
  it('is what it was: text and back is the identity, dates and unknown fields too', () => {
    const trace = new ExecutionTrace('x');
    trace.recordDecision('a', 'b', 'c');
    trace.complete();
    const handoff = prepared({ trace });
    const text = toJSON(handoff);
    expect(text.split('\n')[1]).toBe(`  "id": "${handoff.id}",`);
    expect(parseHandoff(text)).toEqual(handoff);
    expect(parseHandoff(text).instructions.deadline).toEqual(new Date('2026-01-14T12:00:00Z'));
    expect(toJSON(parseHandoff(text))).toBe(text);
    const later = {
      ...handoff.toJSON(),
      version: '1.7.3',
      added: { any: ['thing'] },
      context: { ...handoff.toJSON().context, mood: 'good' },
    };
    const read = parseHandoff(JSON.stringify(later));
    expect(read.toJSON()).toEqual(later);
  });

  it('needs no expiry: absent or null, it never expires', () => {
    const { expiresAt: _, ...rest } = prepared().toJSON();
    for (const json of [rest, { ...rest, expiresAt: null }]) {
      const read = parseHandoff(json);
      expect('expiresAt' in read).toBe(false);
      expect(agentHandoffCoordinator.isExpired(read)).toBe(false);
    }
  });

  const json = (over: object): object => ({ ...prepared().toJSON(), ...over });
  it.each<[string, () => unknown, string]>([
    ['no version', () => ({ sourceAgent: 'x' }), 'Invalid handoff: missing version'],
    ['an empty version', () => json({ version: '' }), 'Invalid handoff: missing version'],
    ['a version that is a number', () => json({ version: 1 }), 'Invalid handoff: version: '],
    ['a version that is none', () => json({ version: 'v1' }), 'Invalid handoff: version: '],
    ['more than a version', () => json({ version: '1.0.0.0' }), 'Invalid handoff: version: '],
    ['the next major', () => ({ version: '2.0.0' }), 'Incompatible handoff version: 2.0.0 (expected 1.0.0)'],
    ['a major that begins alike', () => json({ version: '10.0.0' }), 'Incompatible handoff version: 10.0.0'],
    ['no object', () => 7, 'Invalid handoff: /: must be an object'],
    ['null', () => null, 'Invalid handoff: /: must be an object'],
    ['a list', () => [prepared()], 'Invalid handoff: /: must be an object'],
    ['the text of a list', () => '[]', 'Invalid handoff: /: must be an object'],
    ['the text null', () => 'null', 'Invalid handoff: /: must be an object'],
    ['an empty text', () => ' ', 'The handoff is not valid JSON: it is empty'],
    ['a text cut off', () => toJSON(prepared()).slice(0, 200), 'The handoff is not valid JSON: line '],
    ['foreign text', () => 'version: 1.0.0', 'The handoff is not valid JSON: line 1, column 1'],
    ['an empty id', () => json({ id: '' }), 'Invalid handoff: /id: '],
    ['an unknown status', () => json({ status: 'done' }), 'Invalid handoff: /status: '],
    ['an unknown priority', () => json({ priority: 'toString' }), 'Invalid handoff: /priority: '],
    ['a date that is none', () => json({ createdAt: '2026-02-30' }), 'Invalid handoff: /createdAt: '],
    ['a date as a number', () => json({ expiresAt: 1e12 }), 'Invalid handoff: /expiresAt: '],
    ['a trace that is none', () => json({ trace: { operation: 'x' } }), 'Invalid handoff: /trace/timestamp: '],
    ['metadata that is a list', () => json({ metadata: [] }), 'Invalid handoff: /metadata: '],
  ])('is refused: %s', (_, given, message) => {
    expect(() => parseHandoff(given() as object)).toThrow(message);
  });

  it('is refused where it would change what others inherit, and changes nothing', () => {
    const text = JSON.stringify(json({ metadata: {} })).replace(
      '"metadata":{}',
      '"metadata":{"__proto__":{"polluted":1}}',
    );
    expect(() => parseHandoff(text)).toThrow('Invalid handoff: /metadata/__proto__: the name __proto__ is not allowed');
    expect(() => parseHandoff(text.replace('{', '{"__proto__":{"polluted":1},'))).toThrow('/__proto__: ');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(parseHandoff(json({ metadata: { constructor: 1, prototype: 2 } })).metadata).toEqual({
      constructor: 1,
      prototype: 2,
    });
  });

  it('is refused where it is too deep or too large, at once', () => {
    const deep = `{"version":"1.0.0","metadata":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(() => parseHandoff(deep)).toThrow('nested more than 64 levels deep');
    const megabyte = 'x'.repeat(1024 * 1024);
    expect(() => parseHandoff(`"${megabyte.repeat(64)}"`)).toThrow('The handoff is 67108866 bytes');
    const shared = { a: megabyte };
    const bomb = json({ metadata: { list: Array.from({ length: 70 }, () => shared) } });
    expect(() => parseHandoff(bomb)).toThrow('The handoff is more than 67108864 bytes');
  });

  it('throws typed errors', () => {
    const codeOf = (given: unknown): unknown => {
      try {
        return parseHandoff(given as object);
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    expect([{}, { version: '2.0.0' }, '{', []].map(codeOf)).toEqual([
      'INVALID_PACKAGE',
      'PACKAGE_VERSION',
      'INVALID_JSON',
      'INVALID_PACKAGE',
    ]);
  });
});

describe('a coordinator', () => {
  let coordinator: AgentHandoffCoordinator;
  beforeEach(() => {
    coordinator = new AgentHandoffCoordinator();
  });

  it('keeps only packages, and the very object', () => {
    const handoff = prepared();
    coordinator.register(handoff);
    expect(coordinator.get(handoff.id)).toBe(handoff);
    expect(() => coordinator.register({ id: 'x' } as typeof handoff)).toThrow('Invalid handoff: missing version');
    expect(coordinator.get('x')).toBeUndefined();
    // Dates that are still texts would be compared as texts.
    expect(() => coordinator.register(handoff.toJSON() as unknown as typeof handoff)).toThrow('/createdAt: ');
  });

  it('knows its statuses', () => {
    const handoff = prepared();
    coordinator.register(handoff);
    expect(() => coordinator.updateStatus(handoff.id, 'done' as HandoffStatus)).toThrow('Invalid handoff: /status: ');
    expect(handoff.status).toBe('pending');
    expect(coordinator.updateStatus(handoff.id, 'rejected')).toBe(true);
    expect(coordinator.listPendingForAgent('code-reviewer')).toEqual([]);
  });

  it('lists what is urgent first, then what is old, and nothing that has expired', () => {
    vi.useFakeTimers();
    const make = (priority: HandoffPriority, expirationMinutes = 60): string => {
      const handoff = prepared({ priority, expirationMinutes });
      coordinator.register(handoff);
      vi.advanceTimersByTime(1000);
      return handoff.id;
    };
    const [background, normal, gone, urgent, second] = [
      make('background'),
      make('normal'),
      make('immediate', 0),
      make('immediate'),
      make('normal'),
    ];
    expect(coordinator.listPendingForAgent('code-reviewer').map((h) => h.id)).toEqual([
      urgent,
      normal,
      second,
      background,
    ]);
    expect(coordinator.clearExpired()).toBe(1);
    expect(coordinator.get(gone)).toBeUndefined();
    expect(coordinator.clearExpired()).toBe(0);
  });

  it('takes a moment to be over: at its last millisecond a package still counts', () => {
    vi.useFakeTimers();
    const handoff = prepared({ expirationMinutes: 1 });
    vi.advanceTimersByTime(60_000);
    expect(coordinator.isExpired(handoff)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(coordinator.isExpired(handoff)).toBe(true);
  });

  it('keeps its own: another one knows nothing of it', () => {
    const handoff = prepared();
    agentHandoffCoordinator.register(handoff);
    expect(coordinator.get(handoff.id)).toBeUndefined();
    expect(agentHandoffCoordinator.get(handoff.id)).toBe(handoff);
  });
});
