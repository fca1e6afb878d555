import type { ExecutionTraceSnapshot, HandoffPackage } from '../core/document/document.js';

/** Characters that nobody sees, or that turn the text around them: controls, directions, tags, half pairs. */
const UNSEEN = /[\p{Cc}\p{Surrogate}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu;
const LINE_END = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/g;

/**
 * Text of others on one line of Markdown, shown as it is: it makes no heading, list, link, code or HTML of its own. What
 * needs no mark gets none, because people and agents read the source as well.
 */
function inline(text: string): string {
  const escaped = text
    .trim()
    .replaceAll(LINE_END, '\n')
    .replaceAll(/[\\`*[\]<~|]/g, String.raw`\$&`)
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, String.raw`\_`)
    .replaceAll(/&(?=#?\w+;)/g, String.raw`\&`)
    .replaceAll(/(?<!\S)#/g, String.raw`\#`)
    .replace(/^[-+=>]/, String.raw`\$&`)
    .replace(/^(\d+)([.)])/, String.raw`$1\$2`)
    .replaceAll('\n', '<br>')
    .replaceAll(UNSEEN, '\ufffd');
  return escaped || '*none*';
}

/** Text of others as a code span that it cannot end. */
function code(text: string): string {
  const line = text.replaceAll(LINE_END, ' ').replaceAll(UNSEEN, '\ufffd');
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const room = /^[ `]|[ `]$/.test(line) || line === '' ? ' ' : '';
  return `${fence}${room}${line}${room}${fence}`;
}

/** Lines of one paragraph, each on a line of its own. */
const paragraph = (lines: string[]): string => lines.join('  \n');

const section = (title: string, items: string[]): string[] =>
  items.length > 0 ? [`## ${title}`, items.map((item) => `- ${item}`).join('\n')] : [];

const listed = (title: string, items: readonly string[] | undefined): string[] =>
  items?.length ? [`**${title}**:\n${items.map((item) => `- ${inline(item)}`).join('\n')}`] : [];

/** A document for people, and for agents that read text. */
export function markdownOf(handoff: HandoffPackage): string {
  const { id, status, priority, createdAt, expiresAt, instructions: i, context, trace } = handoff;
  return [
    `# Agent Handoff: ${inline(handoff.sourceAgent)} → ${inline(handoff.targetAgent)}`,
    paragraph([
      `**ID**: ${code(id)}`,
      `**Status**: ${status}`,
      `**Priority**: ${priority}`,
      `**Created**: ${createdAt.toISOString()}`,
      ...(expiresAt ? [`**Expires**: ${expiresAt.toISOString()}`] : []),
    ]),
    '## Instructions',
    paragraph([
      `**Task**: ${inline(i.task)}`,
      ...(i.expectedOutput ? [`**Expected Output**: ${inline(i.expectedOutput)}`] : []),
      ...(i.deadline ? [`**Deadline**: ${i.deadline.toISOString()}`] : []),
    ]),
    ...listed('Done When', i.doneCriteria),
    ...listed('Constraints', i.constraints),
    ...listed('Focus Areas', i.focusAreas),
    ...listed('Avoid', i.avoid),
    ...contextOf(context),
    ...(trace ? section('Execution Trace Summary', traceOf(trace)) : []),
  ].join('\n\n');
}

const contextOf = ({ artifacts = [], decisions = [], ...c }: HandoffPackage['context']): string[] => [
  ...section('Context', [
    ...(c.userRequest ? [`**User Request**: ${inline(c.userRequest)}`] : []),
    ...(c.workingDirectory ? [`**Working Directory**: ${code(c.workingDirectory)}`] : []),
    ...(c.sessionId ? [`**Session**: ${code(c.sessionId)}`] : []),
  ]),
  ...section('Artifacts', artifacts.map(code)),
  ...section(
    'Prior Decisions',
    decisions.map(({ what, why, alternatives }) => {
      const others = alternatives?.length ? ` (alternatives: ${alternatives.map(inline).join(', ')})` : '';
      return `**${inline(what)}**: ${inline(why)}${others}`;
    }),
  ),
];

const traceOf = ({ operation, durationMs, success, decisions, errors }: ExecutionTraceSnapshot): string[] => [
  `**Operation**: ${inline(operation)}`,
  `**Duration**: ${durationMs}ms`,
  `**Success**: ${success ? '✅' : '❌'}`,
  `**Decisions**: ${decisions.length}`,
  `**Errors**: ${errors.length}`,
];
