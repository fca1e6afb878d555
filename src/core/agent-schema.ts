import { z } from 'zod';
import { invalid } from './errors.js';
import { AGENT_NAME } from './ids.js';
import { issuesOf } from './fields-schema.js';

const names = z.array(z.string().min(1).max(128)).max(100);
const url = z.url({ protocol: /^https?$/, error: 'must be an http or https address' });

export const agentSchema = z.strictObject({
  name: z.string().regex(AGENT_NAME, `must be an agent name (${AGENT_NAME.source})`),
  roles: names.optional(),
  capabilities: names.optional(),
  capacity: z.int().min(0).max(1_000_000).optional(),
  endpoint: url.optional(),
  heartbeatSeconds: z
    .int()
    .min(1)
    .max(30 * 86_400)
    .optional(),
  handsOffTo: names.optional(),
  acceptsFrom: names.optional(),
});

/** What a caller says of an agent. Defaults: capacity 10, a heartbeat every 60 s. */
export type AgentSpec = z.infer<typeof agentSchema>;

/** Throws INVALID_REQUEST with every issue. */
export function parseAgent(input: unknown): AgentSpec {
  const parsed = agentSchema.safeParse(input);
  if (!parsed.success) throw invalid('INVALID_REQUEST', issuesOf(parsed.error));
  return parsed.data;
}
