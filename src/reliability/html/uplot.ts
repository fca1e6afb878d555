import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** uPlot as its package has it: the script, which defines `uPlot`, and its style. */
export function uplot(): { script: string; style: string } {
  const dist = path.dirname(fileURLToPath(import.meta.resolve('uplot')));
  const read = (name: string): string => readFileSync(path.join(dist, name), 'utf8');
  return { script: read('uPlot.iife.min.js'), style: read('uPlot.min.css') };
}
