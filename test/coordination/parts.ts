import { AgentHandoffCoordinator, type CreateHandoffRequest, type HandoffPackage } from '../../src/index.js';

/** A package with everything in it. */
export const FULL: CreateHandoffRequest = {
  sourceAgent: 'speckit-generator',
  targetAgent: 'code-reviewer',
  priority: 'immediate',
  expirationMinutes: 30,
  context: {
    sessionId: 'session-123',
    artifacts: ['spec.md', 'plan.md'],
    workingDirectory: '/work/auth',
    userRequest: 'A spec of the sign-in',
    decisions: [
      { what: 'Scope', why: 'OAuth2 only', alternatives: ['SAML', 'both'] },
      { what: 'Order', why: 'security first' },
    ],
    custom: { tickets: [17, 18], nested: { deep: [null, true, 'é'] } },
  },
  instructions: {
    task: 'Review the spec',
    expectedOutput: 'A list of gaps',
    doneCriteria: ['every section is read'],
    constraints: ['Focus on requirements'],
    focusAreas: ['Acceptance criteria'],
    avoid: ['Implementation'],
    deadline: new Date('2026-01-14T12:00:00Z'),
  },
  metadata: { team: 'auth' },
};

export const prepared = (over: Partial<CreateHandoffRequest> = {}) =>
  AgentHandoffCoordinator.prepareHandoff({ ...FULL, ...over });

/** The fields of a package, for a comparison with what has lost its methods. */
export const fieldsOf = (handoff: HandoffPackage): HandoffPackage => ({ ...handoff });
