import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  attachmentNameFault,
  downloadHeaders,
  mediaTypeFault,
  withAttachment,
} from '../../src/core/report/attachment.js';
import type { Attachment } from '../../src/core/report/report.js';
import { readAttachment, storeAttachment } from '../../src/storage/reports/attachments.js';
import { storagePlace } from '../storage/place.js';

const place = storagePlace();
const LIMITS = { maxAttachmentBytes: 1000 };
const file = (name: string, over: Partial<Attachment> = {}): Attachment => ({
  name,
  media_type: 'text/plain',
  size: 1,
  sha256: 'a'.repeat(64),
  ...over,
});

describe('a name', () => {
  test.each(['a.txt', 'coverage/lcov.info', 'Prüfbericht 1.pdf', '.hidden', 'a..b', 'x'.repeat(200), '日本/報告.xml'])(
    '%j is one',
    (name) => {
      expect(attachmentNameFault(name)).toBeUndefined();
    },
  );

  test.each([
    ['', 'empty'],
    ['.', '"."'],
    ['..', '".."'],
    ['../etc/passwd', '".."'],
    ['a/../b', '".."'],
    ['a/./b', '"."'],
    ['/etc/passwd', 'relative'],
    ['a//b', 'empty part'],
    ['a/', 'empty part'],
    ['C:evil.txt', 'relative'],
    ['c:/evil', 'relative'],
    ['..\\evil', 'not "\\"'],
    ['\\\\host\\share', 'not "\\"'],
    ['a\0.txt', 'control'],
    ['a\n.txt', 'control'],
    ['a\u202egpj.exe', 'nobody sees'],
    ['a\u200b.txt', 'nobody sees'],
    ['\ud800.txt', 'nobody sees'],
    ['cafe\u0301.txt', 'form C'],
    ['x'.repeat(201), '200'],
    [' a', 'space'],
    ['a /b', 'space'],
  ])('%j is none', (name, why) => {
    expect(attachmentNameFault(name)).toContain(why);
  });
});

test.each([
  ['text/plain', true],
  ['TEXT/HTML; charset=utf-8', true],
  ['application/json', true],
  ['application/jsonx', false],
  ['image/svg+xml', false],
  ['application/javascript', false],
  ['text/', false],
  ['text/a b', false],
  ['text/plain\r\nx-evil: 1', false],
  ['', false],
])('media type %j: %s', (type, fits) => {
  expect(mediaTypeFault(type) === undefined).toBe(fits);
});

describe('bytes', () => {
  test('are kept by their sha256, and come back as they were', async () => {
    const bytes = Buffer.from([0, 255, 13, 10]);
    const attachment = await storeAttachment(place.storage, LIMITS, {
      name: 'a/b.bin',
      mediaType: 'application/octet-stream; x=1',
      bytes,
      component: 'api_contracts',
    });
    expect(attachment).toEqual({
      name: 'a/b.bin',
      media_type: 'application/octet-stream',
      size: 4,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      component_type: 'api_contracts',
    });
    expect(Buffer.from(await readAttachment(place.storage, attachment))).toEqual(bytes);
  });

  test('that are refused are not written', async () => {
    const blobs = async (): Promise<number> =>
      (await readdir(path.join(place.folder, 'blobs'), { recursive: true }).catch(() => [])).length;
    const before = await blobs();
    const store = (name: string, mediaType: string, size: number): Promise<unknown> =>
      storeAttachment(place.storage, LIMITS, { name, mediaType, bytes: Buffer.alloc(size, 7) });
    await expect(store('../a', 'image/gif', 3)).rejects.toMatchObject({
      code: 'INVALID_REPORT',
      params: { list: [{ path: '/name' }, { path: '/media_type' }] },
    });
    await expect(store('a', 'text/plain', 1001)).rejects.toMatchObject({
      code: 'INPUT_TOO_LARGE',
      params: { size: 1001, limit: 1000 },
    });
    expect(await blobs()).toBe(before);
  });

  test('that were changed in the store are not handed out', async () => {
    const stored = { name: 'x', mediaType: 'text/plain', bytes: Buffer.from('as it was') };
    const attachment = await storeAttachment(place.storage, LIMITS, stored);
    const { sha256 } = attachment;
    await writeFile(path.join(place.folder, 'blobs', sha256.slice(0, 2), sha256), 'otherwise');
    await expect(readAttachment(place.storage, attachment)).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
  });
});

describe('the files of a report', () => {
  test('are in order, and one of the same name is replaced', () => {
    const two = withAttachment(withAttachment([], file('b')), file('a'));
    expect(two.map((a) => a.name)).toEqual(['a', 'b']);
    expect(withAttachment(two, file('b', { size: 9 }))).toEqual([file('a'), file('b', { size: 9 })]);
  });

  test('are at most a hundred, and never two that differ in case only', () => {
    const full = Array.from({ length: 100 }, (_, i) => file(`f${i}`));
    expect(() => withAttachment(full, file('one more'))).toThrow('/attachments: must not be more than 100');
    expect(withAttachment(full, file('f7', { size: 2 }))).toHaveLength(100);
    expect(() => withAttachment(full, file('F7'))).toThrow('differs from f7 only in case');
  });
});

test('a download is saved and never shown, whatever the file is called', () => {
  const headers = downloadHeaders(file('a/Prüf"; filename=x.html', { media_type: 'text/html' }));
  expect(headers['content-disposition']).toBe(
    `attachment; filename="Pr_f__ filename_x.html"; filename*=UTF-8''Pr%C3%BCf%22%3B%20filename%3Dx.html`,
  );
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'content-type': 'text/html' });
});
