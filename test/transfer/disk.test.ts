import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { mayMount, mount, remount, unmount } from '../rig/mount.js';
import { Corner } from './corner.js';
import { look } from './trees.js';

describe.skipIf(!mayMount())('a root on a disk of its own', () => {
  /** The data folder is beside it, so that the database has room. */
  async function onDisk(size: string, body: (corner: Corner, disk: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(path.join(tmpdir(), 'handoff-disk-'));
    const disk = path.join(folder, 'disk');
    for (const at of ['disk', 'in']) mkdirSync(path.join(folder, at));
    mount(disk, size);
    const corner = await Corner.open({
      folder: path.join(folder, 'data'),
      root: disk,
      sources: [path.join(folder, 'in')],
    });
    try {
      await body(corner, disk);
    } finally {
      await corner.close();
      unmount(disk);
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const source = (corner: Corner, ...parts: string[]): string => path.join(corner.storage.sources[0]!, ...parts);

  test.for(['one large file', 'a folder of many files', 'a folder of many folders'])('full: %s', async (what) => {
    await onDisk('4m', async (corner, disk) => {
      mkdirSync(path.join(disk, 'artifacts', 'phase_x', 'thing'), { recursive: true });
      writeFileSync(path.join(disk, 'artifacts', 'phase_x', 'thing', 'old'), 'old');
      const before = look(disk);
      if (what === 'one large file') writeFileSync(source(corner, 'it'), Buffer.alloc(8 << 20, 1));
      else {
        mkdirSync(source(corner, 'it'));
        for (let n = 0; n < 1200; n++) {
          if (what === 'a folder of many files') writeFileSync(source(corner, 'it', `f${n}`), Buffer.alloc(10_000, 1));
          else mkdirSync(source(corner, 'it', `d${n}`, 'e', 'f', 'g', 'h', 'i', 'j'), { recursive: true });
        }
      }
      const small = { name: 'small', path: 'small' };
      writeFileSync(source(corner, 'small'), 'small');
      const bring = (): Promise<unknown> => corner.bring('h', [small, { name: 'thing', path: 'it' }]);
      const result = await bring().catch((error: unknown) => error);
      // A tmpfs without a limit of inodes has room for folders: then nothing was full.
      if (what === 'a folder of many folders' && !(result instanceof Error)) return;
      expect(result).toMatchObject({ code: 'DISK_FULL', retryable: true });
      expect(existsSync(path.join(disk, 'artifacts', 'phase_x', 'small'))).toBe(false);
      await corner.takeBack('h');
      for (const own of ['.staging', '.undo']) rmSync(path.join(disk, own), { recursive: true, force: true });
      expect(look(disk)).toEqual(before);
    });
  });

  test('full, and then room is made: it goes on', async () => {
    await onDisk('12m', async (corner, disk) => {
      writeFileSync(path.join(disk, 'ballast'), Buffer.alloc(6 << 20, 1));
      writeFileSync(source(corner, 'it'), Buffer.alloc(8 << 20, 2));
      const artifacts = [{ name: 'thing', path: 'it' }];
      await expect(corner.bring('h', artifacts)).rejects.toMatchObject({ code: 'DISK_FULL' });
      rmSync(path.join(disk, 'ballast'));
      const facts = await corner.bring('h', artifacts);
      expect(Number(facts['resumed'])).toBeGreaterThan(1 << 20);
      expect(look(corner.out('x', 'thing'))).toEqual(look(source(corner, 'it')));
    });
  });

  test('read-only', async () => {
    await onDisk('4m', async (corner, disk) => {
      writeFileSync(source(corner, 'it'), 'it');
      remount(disk, 'ro');
      await expect(corner.bring('h', [{ name: 'thing', path: 'it' }])).rejects.toMatchObject({
        code: 'DESTINATION_NOT_WRITABLE',
        message: expect.stringMatching(/read-only/) as unknown,
      });
      remount(disk, 'rw');
      await corner.takeBack('h');
      expect(readdirSync(disk)).toEqual([]);
    });
  });

  test('another file system below the root: a rename cannot cross, and what was there stays', async () => {
    await onDisk('4m', async (corner, disk) => {
      const other = path.join(disk, 'artifacts', 'phase_x');
      mkdirSync(other, { recursive: true });
      mount(other, '2m');
      try {
        mkdirSync(path.join(other, 'thing'));
        writeFileSync(path.join(other, 'thing', 'old'), 'old');
        const before = look(other);
        mkdirSync(source(corner, 'it'));
        await expect(corner.bring('h', [{ name: 'thing', path: 'it' }])).rejects.toMatchObject({
          code: 'DESTINATION_NOT_WRITABLE',
          message: expect.stringContaining('another file system') as unknown,
        });
        expect(await corner.takeBack('h')).toEqual(['nothing_to_undo']);
        expect(look(other)).toEqual(before);
      } finally {
        unmount(other);
      }
    });
  });
});
