import { bareMediaType, checkAttachment } from '../../core/report/attachment.js';
import type { Attachment, ComponentType } from '../../core/report/report.js';
import type { Storage } from '../storage.js';

/**
 * Keeps the bytes of a file under their sha256, and returns how a report names it; no report has it by that. Throws
 * INVALID_REPORT for its name or media type, INPUT_TOO_LARGE for its size: before anything is written.
 */
export async function storeAttachment(
  storage: Pick<Storage, 'blobs'>,
  limits: { maxAttachmentBytes: number },
  file: { name: string; mediaType: string; bytes: Uint8Array; component?: ComponentType },
): Promise<Attachment> {
  checkAttachment({ ...file, size: file.bytes.length }, limits);
  const mediaType = bareMediaType(file.mediaType);
  const { sha256, size } = await storage.blobs.put(file.bytes, mediaType);
  return {
    name: file.name,
    media_type: mediaType,
    size,
    sha256,
    ...(file.component ? { component_type: file.component } : {}),
  };
}

/** The bytes of an attached file. Throws CONTENT_MISSING, or CONTENT_DAMAGED where they no longer have their sha256. */
export const readAttachment = (
  storage: Pick<Storage, 'blobs'>,
  { sha256, size, media_type: mediaType }: Attachment,
): Promise<Uint8Array> => storage.blobs.get({ uri: `blob:sha256/${sha256}`, sha256, size, mediaType });
