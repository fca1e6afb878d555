import type { ExecutionTraceSnapshot, HandoffPackage } from '../core/document/document.js';
import { codeSpan, inlineMarkdown } from '../core/markdown.js';

const inline = (text: string): string => inlineMarkdown(text) || '*none*';

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
      `**ID**: ${codeSpan(id)}`,
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
    ...(c.workingDirectory ? [`**Working Directory**: ${codeSpan(c.workingDirectory)}`] : []),
    ...(c.sessionId ? [`**Session**: ${codeSpan(c.sessionId)}`] : []),
  ]),
  ...section('Artifacts', artifacts.map(codeSpan)),
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
