import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readFacts, type FactsFound } from '../../src/activities/facts.js';
import type { Attachment, ComponentType } from '../../src/core/report/report.js';
import { storeAttachment } from '../../src/storage/reports/attachments.js';
import { storagePlace } from '../storage/place.js';

const place = storagePlace();
const MB = 1024 * 1024;
const attach = (name: string, text: string, component?: ComponentType, mediaType = 'text/plain'): Promise<Attachment> =>
  storeAttachment(
    place.storage,
    { maxAttachmentBytes: 32 * MB },
    { name, mediaType, bytes: Buffer.from(text), ...(component ? { component } : {}) },
  );
const read = (attachments: Attachment[], limits?: Parameters<typeof readFacts>[3]): Promise<FactsFound> =>
  readFacts(place.storage, { attachments }, { digest: 'd', at: 7 }, limits);
const fixture = (name: string): Promise<string> => readFile(new URL(`files/${name}`, import.meta.url), 'utf8');

let junit: string;
beforeAll(async () => {
  junit = await fixture('vitest-junit.xml');
});

test('each report of tests is one fact, for its component, the same each time', async () => {
  const attachments = [
    await attach('a/junit.xml', junit, 'circuit_breaker', 'application/xml'),
    await attach('lcov.info', await fixture('lcov.info')),
    await attach('notes.md', '# Notes'),
    await attach('coverage.json', await fixture('coverage-final.json'), undefined, 'application/json'),
    await attach('cobertura.xml', await fixture('coverage-py.xml')),
  ];
  const found = await read(attachments);
  expect(found.findings).toEqual([]);
  expect(found.facts).toEqual([
    {
      id: expect.stringMatching(/^file-[0-9a-f]{16}$/) as unknown,
      component: 'circuit_breaker',
      source: { kind: 'file', attachment: 'a/junit.xml', sha256: attachments[0]!.sha256, format: 'junit' },
      tests: { run: 3, passed: 2, failed: 1, skipped: 2 },
      digest: 'd',
      at: 7,
    },
    expect.objectContaining({ source: expect.objectContaining({ format: 'lcov' }) as unknown, coverage: 50 }),
    expect.objectContaining({ source: expect.objectContaining({ format: 'istanbul' }) as unknown, coverage: 50 }),
    expect.objectContaining({ source: expect.objectContaining({ format: 'cobertura' }) as unknown, coverage: 92.5 }),
  ]);
  expect(await read(attachments)).toEqual(found);
  expect(new Set(found.facts.map((f) => f.id)).size).toBe(4);
});

test('nothing is read of what is no text', async () => {
  const found = await read([await attach('junit.xml', junit, undefined, 'image/png')]);
  expect(found).toEqual({ facts: [], findings: [] });
});

test('a file that is not what its checksum says proves nothing', async () => {
  const bad = await attach('junit.xml', '<testsuite><testcase/></testsuite>');
  const { sha256 } = bad;
  await writeFile(
    path.join(place.folder, 'blobs', sha256.slice(0, 2), sha256),
    '<testsuite><testcase/><testcase/></testsuite>',
  );
  const gone = { ...bad, name: 'gone.xml', sha256: '0'.repeat(64) };
  expect(await read([bad, gone])).toEqual({
    facts: [],
    findings: [
      'junit.xml: its content does not have the sha256 that was recorded',
      'gone.xml: its content is not in the store',
    ],
  });
});

describe('a broken, huge or hostile file is a finding, and the others are read', () => {
  const good = (): Promise<Attachment> => attach('good.xml', '<testsuite><testcase/></testsuite>');
  const findingOf = async (name: string, text: string, limits?: Parameters<typeof readFacts>[3]): Promise<string> => {
    const { facts, findings } = await read([await attach(name, text), await good()], limits);
    expect(facts).toHaveLength(1);
    expect(findings).toHaveLength(1);
    return findings[0]!;
  };
  const bomb = (() => {
    const levels = Array.from({ length: 12 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
    return `<!DOCTYPE t [<!ENTITY l0 "lol">${levels}]><testsuite name="&l12;" tests="1"/>`;
  })();

  test.each<[string, string, string]>([
    ['junit.xml', '<testsuite tests="1"', 'junit.xml: it is cut off'],
    ['junit.xml', bomb, 'junit.xml: its DOCTYPE declares entities'],
    ['junit.xml', `<testsuite>${'<a>'.repeat(MB)}</testsuite>`, 'junit.xml: Maximum nested tags'],
    ['junit.xml', '<testsuite/>', 'junit.xml: it counts no tests'],
    ['lcov.info', 'SF:a\nDA:1,-4\nend_of_record\n', 'lcov.info: "-4" is no count'],
    ['coverage-final.json', '['.repeat(MB), 'coverage-final.json: '],
    ['coverage-final.json', '{"__proto__":{"statementMap":{},"s":{}}}', 'coverage-final.json: it counts no lines'],
    ['x/junit.xml', `<testsuite tests="${'9'.repeat(1000)}"/>`, 'x/junit.xml: tests is'],
  ])('%s: %#', async (name, text, why) => {
    const finding = await findingOf(name, text);
    expect(finding).toContain(why);
    expect(finding.length).toBeLessThan(400);
  });

  test('one that is too large is not opened', async () => {
    const limits = { fileBytes: 1000, fileMs: 5000, allMs: 10_000 };
    expect(await findingOf('junit.xml', `<testsuite>${' '.repeat(2000)}</testsuite>`, limits)).toBe(
      'junit.xml: 2023 bytes; of a report of tests at most 1000 are read',
    );
  });

  test('one that keeps the parser busy is given up', async () => {
    const limits = { fileBytes: 16 * MB, fileMs: 2500, allMs: 60_000 };
    const busy = `<testsuite>${'< '.repeat(5 * MB)}</testsuite>`;
    const began = Date.now();
    expect(await findingOf('junit.xml', busy, limits)).toContain('expected a check within 2.5 s');
    expect(Date.now() - began).toBeLessThan(30_000);
  });

  test('once all of them took too long the rest is not read', async () => {
    const attachments = [await attach('a.xml', junit), await good()];
    const { facts, findings } = await read(attachments, { fileBytes: MB, fileMs: 1000, allMs: 0 });
    expect(facts).toEqual([]);
    expect(findings).toEqual([
      'a.xml: not read, because the files before it took 0 s',
      'good.xml: not read, because the files before it took 0 s',
    ]);
  });
});
