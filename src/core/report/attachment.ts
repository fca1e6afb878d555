import { HandoffError, invalid, type Issue } from '../errors.js';
import { fileKey } from '../ids.js';
import type { Attachment } from './report.js';

/** Files of one report. */
const ATTACHMENTS_MAX = 100;
const ATTACHMENT_NAME_MAX = 200;
/** What a file may be; `text/*` is any kind of text. */
export const ATTACHMENT_MEDIA_TYPES = [
  'text/*',
  'application/json',
  'application/xml',
  'application/pdf',
  'image/png',
  'image/jpeg',
  'application/zip',
  'application/gzip',
  'application/octet-stream',
] as const;

/** Why a text cannot be the name of an attachment; undefined of one that can. It is a relative path below nowhere else. */
export function attachmentNameFault(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (name.length > ATTACHMENT_NAME_MAX) return `must not be longer than ${ATTACHMENT_NAME_MAX} characters`;
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u.test(name))
    return 'must not have characters that control, or that nobody sees';
  if (name.normalize('NFC') !== name) return 'must be in Unicode normal form C';
  if (name.includes('\\')) return 'must use "/" between its parts, not "\\"';
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) return 'must be a relative path';
  const parts = name.split('/');
  if (parts.includes('')) return 'must not have an empty part';
  if (parts.some((p) => p === '.' || p === '..')) return 'must not have "." or ".." as a part';
  if (parts.some((p) => p.trim() !== p)) return 'must not have a part that begins or ends with a space';
  return undefined;
}

/** A media type without its parameters, in lower case: what is kept. */
export const bareMediaType = (mediaType: string): string => mediaType.split(';')[0]!.trim().toLowerCase();

/** Why a file of that media type cannot be attached; undefined of one that can. */
export function mediaTypeFault(mediaType: string): string | undefined {
  const type = bareMediaType(mediaType);
  const fits = ATTACHMENT_MEDIA_TYPES.some((t) => (t.endsWith('/*') ? type.startsWith(t.slice(0, -1)) : type === t));
  if (fits && /^[a-z]+\/[a-z0-9][a-z0-9.+-]{0,99}$/.test(type)) return undefined;
  return `must be one of ${ATTACHMENT_MEDIA_TYPES.join(', ')}`;
}

/** Throws INVALID_REPORT where a file cannot be attached by its name or media type, INPUT_TOO_LARGE by its size. */
export function checkAttachment(
  file: { name: string; mediaType: string; size: number },
  limits: { maxAttachmentBytes: number },
): void {
  const issues: Issue[] = [];
  const name = attachmentNameFault(file.name);
  if (name) issues.push({ path: '/name', message: name });
  const type = mediaTypeFault(file.mediaType);
  if (type) issues.push({ path: '/media_type', message: type });
  if (issues.length > 0) throw invalid('INVALID_REPORT', issues);
  if (file.size > limits.maxAttachmentBytes)
    throw new HandoffError('INPUT_TOO_LARGE', {
      what: `The attachment ${file.name}`,
      size: file.size,
      limit: limits.maxAttachmentBytes,
    });
}

/**
 * The files of a report with one more, in the order of their names; one of the same name is replaced. Throws
 * INVALID_REPORT where there are too many, or where a file system that ignores case would put two in one place.
 */
export function withAttachment(attachments: readonly Attachment[], file: Attachment): Attachment[] {
  const others = attachments.filter((a) => a.name !== file.name);
  const twin = others.find((a) => fileKey(a.name) === fileKey(file.name));
  if (twin) throw invalid('INVALID_REPORT', [{ path: '/name', message: `differs from ${twin.name} only in case` }]);
  if (others.length >= ATTACHMENTS_MAX)
    throw invalid('INVALID_REPORT', [{ path: '/attachments', message: `must not be more than ${ATTACHMENTS_MAX}` }]);
  return [...others, file].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
