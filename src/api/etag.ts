import type { FastifyReply, FastifyRequest } from 'fastify';
import { HandoffError, invalid } from '../core/errors.js';

/** The entity tag of what is at this `seq`. */
export const etagOf = (seq: number): string => `"${seq}"`;

const TAG = /^\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*$/;

interface Tag {
  weak: boolean;
  value: string;
}

/** Throws INVALID_INPUT, naming the header. */
function tagsOf(header: string, name: string): Tag[] | '*' {
  if (header.trim() === '*') return '*';
  return header.split(',').map((part) => {
    const [, weak, value] = TAG.exec(part) ?? [];
    if (value === undefined) {
      const message = `is not an entity tag: ${part.trim().slice(0, 50) || 'it is empty'}; send what ETag said, such as "3"`;
      throw invalid('INVALID_INPUT', [{ path: name, message }]);
    }
    return { weak: weak !== undefined, value };
  });
}

/**
 * The `seq` that a write names in `If-Match`; undefined where it names none, or any (`*`). `now` is asked only where
 * several are named. Throws INVALID_INPUT; PRECONDITION_FAILED for a tag that none of ours can be (a weak one: `If-Match`
 * compares strongly).
 */
export async function ifMatchOf(request: FastifyRequest, now?: () => Promise<number>): Promise<number | undefined> {
  const header = request.headers['if-match'];
  if (header === undefined) return undefined;
  const tags = tagsOf(header, 'if-match');
  if (tags === '*') return undefined;
  const seqs = tags.filter((t) => !t.weak && /^\d{1,15}$/.test(t.value)).map((t) => Number(t.value));
  if (seqs.length === 0) {
    throw new HandoffError('PRECONDITION_FAILED', { what: 'What If-Match names', seen: header, now: 'another' });
  }
  if (seqs.length === 1 || !now) return seqs[0];
  const current = await now();
  return seqs.includes(current) ? current : seqs[0];
}

/**
 * Sets the tag of what is answered, and says whether the caller has it already: then the answer is
 * `reply.code(304).send()`. Throws INVALID_INPUT.
 */
export function isUnchanged(request: FastifyRequest, reply: FastifyReply, tag: string): boolean {
  void reply.header('etag', tag);
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  const tags = tagsOf(header, 'if-none-match');
  return tags === '*' || tags.some((t) => `"${t.value}"` === tag);
}
