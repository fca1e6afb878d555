import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AgentHandoffCoordinator,
  ExecutionTrace,
  type CreateHandoffRequest,
  type HandoffPackage,
} from '../../src/index.js';
import { FULL, prepared } from './parts.js';

const toMarkdown = (handoff: HandoffPackage) => AgentHandoffCoordinator.toMarkdown(handoff);
const taskOf = (task: string): string =>
  toMarkdown(prepared({ instructions: task }))
    .split('\n')
    .find((l) => l.startsWith('**Task**: '))!
    .slice('**Task**: '.length);
const itemOf = (constraint: string): string =>
  toMarkdown(prepared({ instructions: { task: 'x', constraints: [constraint] } }))
    .split('\n')
    .find((l) => l.startsWith('- '))!
    .slice(2);

describe('the Markdown of a package', () => {
  it('shows all that it says', () => {
    const trace = new ExecutionTrace('write-spec');
    trace.recordDecision('template', 'standard', 'asked for');
    trace.complete(true);
    const handoff = prepared({ trace });
    expect(toMarkdown(handoff)).toBe(
      [
        '# Agent Handoff: speckit-generator → code-reviewer',
        '',
        `**ID**: \`${handoff.id}\`  `,
        '**Status**: pending  ',
        '**Priority**: immediate  ',
        `**Created**: ${handoff.createdAt.toISOString()}  `,
        `**Expires**: ${handoff.expiresAt!.toISOString()}`,
        '',
        '## Instructions',
        '',
        '**Task**: Review the spec  ',
        '**Expected Output**: A list of gaps  ',
        '**Deadline**: 2026-01-14T12:00:00.000Z',
        '',
        '**Done When**:',
        '- every section is read',
        '',
        '**Constraints**:',
        '- Focus on requirements',
        '',
        '**Focus Areas**:',
        '- Acceptance criteria',
        '',
        '**Avoid**:',
        '- Implementation',
        '',
        '## Context',
        '',
        '- **User Request**: A spec of the sign-in',
        '- **Working Directory**: `/work/auth`',
        '- **Session**: `session-123`',
        '',
        '## Artifacts',
        '',
        '- `spec.md`',
        '- `plan.md`',
        '',
        '## Prior Decisions',
        '',
        '- **Scope**: OAuth2 only (alternatives: SAML, both)',
        '- **Order**: security first',
        '',
        '## Execution Trace Summary',
        '',
        '- **Operation**: write-spec',
        `- **Duration**: ${handoff.trace!.durationMs}ms`,
        '- **Success**: ✅',
        '- **Decisions**: 1',
        '- **Errors**: 0',
      ].join('\n'),
    );
  });

  it('leaves out what there is not', () => {
    const handoff = prepared({ context: {}, instructions: 'Look' });
    delete handoff.expiresAt;
    expect(toMarkdown(handoff)).toBe(
      [
        '# Agent Handoff: speckit-generator → code-reviewer\n',
        `**ID**: \`${handoff.id}\`  \n**Status**: pending  \n**Priority**: immediate  `,
        `**Created**: ${handoff.createdAt.toISOString()}\n\n## Instructions\n\n**Task**: Look`,
      ].join('\n'),
    );
  });

  it('shows work that failed as failed', () => {
    const trace = new ExecutionTrace('x');
    trace.complete(false);
    expect(toMarkdown(prepared({ trace }))).toContain('- **Success**: ❌');
  });

  it.each([
    ['spec.md', 'spec.md'],
    ['speckit-generator → code-reviewer', 'speckit-generator → code-reviewer'],
    ['snake_case_name, a + b = c, C#, 100% (sure!)', 'snake_case_name, a + b = c, C#, 100% (sure!)'],
    ['Größe, 日本語, 👩‍💻', 'Größe, 日本語, 👩‍💻'],
    ['# heading', String.raw`\# heading`],
    ['closed #', String.raw`closed \#`],
    ['- item', String.raw`\- item`],
    ['+ item', String.raw`\+ item`],
    ['> quote', String.raw`\> quote`],
    ['=== under', String.raw`\=== under`],
    ['1. item', String.raw`1\. item`],
    ['12) item', String.raw`12\) item`],
    ['*a* **b** _c_ __d__', String.raw`\*a\* \*\*b\*\* \_c\_ \_\_d\_\_`],
    ['~~gone~~', String.raw`\~\~gone\~\~`],
    ['[click](javascript:x)', String.raw`\[click\](javascript:x)`],
    ['![img](x)', String.raw`!\[img\](x)`],
    ['[ref]: http://x', String.raw`\[ref\]: http://x`],
    ['<script>alert(1)</script>', String.raw`\<script>alert(1)\</script>`],
    ['<!-- hidden', String.raw`\<!-- hidden`],
    ['<https://x>', String.raw`\<https://x>`],
    ['&lt;b&gt; R&D &#60;', String.raw`\&lt;b\&gt; R&D \&#60;`],
    ['`code`', '\\`code\\`'],
    ['a | b', String.raw`a \| b`],
    ['back\\slash', String.raw`back\\slash`],
    ['one\ntwo\r\n# three', String.raw`one<br>two<br>\# three`],
    ['a\u2028b\u0085c\vd', 'a<br>b<br>c<br>d'],
    ['bell \u0007 esc \u001b[31m', String.raw`bell ${'\ufffd'} esc ${'\ufffd'}\[31m`],
    ['user\u202etxt.exe', 'user\ufffdtxt.exe'],
    ['tag \u{e0041}\u{e0042}', 'tag \ufffd\ufffd'],
    ['   ', '*none*'],
    ['', '*none*'],
  ])('shows %j as it is', (text, shown) => {
    expect(taskOf(text)).toBe(shown);
    expect(itemOf(text)).toBe(shown);
  });

  it.each([
    ['spec.md', '`spec.md`'],
    ['a`b', '``a`b``'],
    ['``', '``` `` ```'],
    ['` # x', '`` ` # x ``'],
    ['a\n# b', '`a # b`'],
    [' x ', '`  x  `'],
    ['', '`  `'],
    ['x\u202e\u0000y', '`x\ufffd\ufffdy`'],
  ])('keeps %j in its code span', (artifact, shown) => {
    expect(
      toMarkdown(prepared({ context: { artifacts: [artifact] } }))
        .split('\n')
        .at(-1),
    ).toBe(`- ${shown}`);
  });

  /** What begins each line, and how many there are: nothing that anybody writes may change it. */
  const skeleton = (markdown: string): string[] =>
    markdown.split('\n').map((line) => /^(?:#+ |- |\*\*[A-Z][A-Za-z ]*\*\*:|)/.exec(line)![0]);
  const nasty = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(...Array.from('\\`*_{}[]()<>#|~&!-+=.:;\n\r\t \u2028\u202e"\'1a')),
        fc.constantFrom('```', '# ', '- ', '1. ', '<b>', '</', '](', '---', '&amp;', '**', '\n\n', '<br>', '\\`'),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('').replaceAll(/\p{Surrogate}/gu, ''));

  it('keeps its structure, whatever the texts are', () => {
    const shape = skeleton(toMarkdown(prepared()));
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 12, maxLength: 12 }), (t) => {
        const request: CreateHandoffRequest = {
          ...FULL,
          sourceAgent: t[0]! || 'x',
          targetAgent: t[1]! || 'x',
          context: {
            sessionId: t[2]! || 'x',
            artifacts: [t[3]!, t[4]!],
            workingDirectory: t[5]! || 'x',
            userRequest: t[6]! || 'x',
            decisions: [
              { what: t[7]!, why: t[8]!, alternatives: [t[9]!] },
              { what: t[10]!, why: t[11]! },
            ],
          },
          instructions: {
            task: t[0]!,
            expectedOutput: t[1]! || 'x',
            doneCriteria: [t[2]!],
            constraints: [t[3]!],
            focusAreas: [t[4]!],
            avoid: [t[5]!],
            deadline: new Date(0),
          },
        };
        expect(skeleton(toMarkdown(prepared(request)))).toEqual(shape);
      }),
    );
  });

  it('leaves no mark of a text unescaped', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        for (const shown of [taskOf(text), itemOf(text)]) {
          if (shown === '*none*') continue;
          const rest = shown.replaceAll(/\\[\\`*_[\]<~|&#+=>.)-]/g, 'x').replaceAll('<br>', 'x');
          expect(rest).not.toMatch(/[\\`*[\]<~|\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
          expect(rest).not.toMatch(/(?:^|\s)#|^[-+=>]|^\d+[.)]/);
          // What was escaped is no part of a name: `&\&amp;` has no entity.
          expect(shown.replaceAll(/\\./gs, ' ')).not.toMatch(/&#?\w+;/);
          expect(rest).not.toMatch(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/u);
        }
      }),
    );
  });
});
