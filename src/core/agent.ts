/** A named participant. Lists that are absent allow everyone. */
export interface Agent {
  name: string;
  roles: string[];
  capabilities: string[];
  /** Open handoffs that it takes at a time. */
  capacity: number;
  /** An HTTP address that answers while the agent is up. */
  endpoint?: string;
  /** Seconds within which the next heartbeat is on time. */
  heartbeatSeconds: number;
  /** Times of the last heartbeats, newest first, milliseconds. */
  heartbeats: number[];
  handsOffTo?: string[];
  acceptsFrom?: string[];
}

/** How many heartbeats are kept: VR006 looks at three, and at the gap before the oldest of them. */
export const HEARTBEATS_KEPT = 4;

const seconds = (ms: number): string =>
  ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;

/** Why an agent cannot be reached at `now`, or undefined where it can. */
export function unreachableBecause(agent: Agent, now: number): string | undefined {
  const last = agent.heartbeats[0];
  if (last === undefined) return 'it has never sent a heartbeat';
  const age = now - last;
  const allowed = agent.heartbeatSeconds * 1000;
  return age > allowed
    ? `its last heartbeat is ${seconds(age)} old, one is due every ${agent.heartbeatSeconds} s`
    : undefined;
}

/** Why the last three heartbeats were not all on time at `now`, or undefined where they were. */
export function unsteadyBecause(agent: Agent, now: number): string | undefined {
  const [a, b, c] = agent.heartbeats;
  if (a === undefined || b === undefined || c === undefined)
    return `only ${agent.heartbeats.length} of three heartbeats came`;
  const allowed = agent.heartbeatSeconds * 1000;
  const late = [now - a, a - b, b - c].find((gap) => gap > allowed);
  return late === undefined
    ? undefined
    : `a heartbeat came after ${seconds(late)}, one is due every ${agent.heartbeatSeconds} s`;
}
