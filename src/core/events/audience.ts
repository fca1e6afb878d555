import type { StoredEvent } from './event.js';

/** Who listens. */
export interface Listener {
  agent: string;
  roles: readonly string[];
}

/** The names by which a listener is meant: `agent:@a`, `role:reviewer`. */
export const namesOf = ({ agent, roles }: Listener): string[] => [`agent:${agent}`, ...roles.map((r) => `role:${r}`)];

/** Whether it is for this listener: admins hear everything, all others only what names them or a role of theirs. */
export function mayHear({ audience }: Pick<StoredEvent, 'audience'>, listener: Listener): boolean {
  if (listener.roles.includes('admin')) return true;
  const names = namesOf(listener);
  return audience.some((one) => names.includes(one));
}
