import { canonicalJson, sha256 } from '../../core/digest.js';
import type { ReportContent, VersionRef } from '../../core/report/report.js';
import type { Storage } from '../storage.js';

const MEDIA_TYPE = 'application/json';

/** What a content's version will be, with nothing written yet. */
export function measured(content: ReportContent): Omit<VersionRef, 'number'> {
  const text = canonicalJson(content);
  return { digest: sha256(text), size: Buffer.byteLength(text) };
}

/** Puts a content into the store, as the very text that its digest is of. */
export async function putContent(
  { blobs }: Pick<Storage, 'blobs'>,
  content: ReportContent,
): Promise<Omit<VersionRef, 'number'>> {
  const { sha256, size } = await blobs.put(canonicalJson(content), MEDIA_TYPE);
  return { digest: sha256, size };
}

/** Throws CONTENT_MISSING, CONTENT_DAMAGED. */
export const getContent = ({ blobs }: Pick<Storage, 'blobs'>, digest: string): Promise<ReportContent> =>
  blobs.getJson<ReportContent>({ uri: `blob:sha256/${digest}`, sha256: digest, size: 0, mediaType: MEDIA_TYPE });
