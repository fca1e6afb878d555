import { readlinkSync } from 'node:fs';
import { HandoffError } from '../../core/errors.js';
import { bytesOf, textOf, type Raw } from './raw.js';

/** As many as Linux follows. */
const HOPS = 40;

/**
 * Throws ARTIFACT_LINK_REFUSED for a symbolic link that is absolute or leads out of its own tree, by itself or through
 * other links. One that leads nowhere within the tree stays what it is. `top` leads to the tree.
 */
export function checkLink(artifact: string, top: Raw, rel: Raw, target: Raw): void {
  const why = leadsOut(top, rel, target);
  if (why)
    throw new HandoffError('ARTIFACT_LINK_REFUSED', { artifact, link: textOf(rel), target: textOf(target), why });
}

function leadsOut(top: Raw, rel: Raw, target: Raw): string | undefined {
  if (target.startsWith('/')) return 'it is absolute';
  const at = rel.split('/').slice(0, -1);
  const left = target.split('/');
  for (let hops = 0; left.length > 0;) {
    const part = left.shift()!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.pop() === undefined) return 'it leads out of the folder';
      continue;
    }
    at.push(part);
    const next = linkAt(`${top}/${at.join('/')}`);
    if (next === undefined) continue;
    // A circle stays within the tree.
    if (++hops > HOPS) return undefined;
    if (next.startsWith('/')) return 'it leads to an absolute link';
    at.pop();
    left.unshift(...next.split('/'));
  }
  return undefined;
}

function linkAt(file: Raw): Raw | undefined {
  try {
    return readlinkSync(bytesOf(file), 'buffer').toString('latin1');
  } catch {
    return undefined;
  }
}
