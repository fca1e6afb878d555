import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type BundleOptions } from '@temporalio/worker';

// The same whether this file runs from src/ or dist/.
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Where the build leaves the workflows as one file, so that a worker starts in half a second. */
export const BUNDLE_FILE = path.join(root, 'dist', 'workflow-bundle.js');

const workflows = (folder: string) => ({
  index: path.join(folder, 'workflows', 'index.js'),
  guard: path.join(folder, 'workflows', 'start-guard.js'),
  converter: path.join(folder, 'workflows', 'payload-converter.js'),
  ownTypes: path.join(folder, 'workflows', 'own-types.js'),
});

/** Our workflows as the build left them, for a bundle that they share with others. */
export const WORKFLOWS = workflows(path.join(root, 'dist'));

type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];

/** Our modules as one: each run evaluates them all, and to tie 60 together takes longer than what is in them. */
const joined = (config: WebpackConfig): WebpackConfig => ({
  ...config,
  optimization: { ...config.optimization, concatenateModules: true, providedExports: true, usedExports: true },
});

/** Bundles the workflows that were compiled to `folder`, into that folder. Called by the build. */
export async function writeWorkflowBundle(folder: string): Promise<void> {
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  const { index, guard, converter } = workflows(folder);
  const { code } = await bundleWorkflowCode({
    workflowsPath: index,
    workflowInterceptorModules: [guard],
    payloadConverterPath: converter,
    logger: quiet,
    webpackConfigHook: joined,
  });
  await writeFile(path.join(folder, path.basename(BUNDLE_FILE)), code);
}

/** Throws where the package was not built. */
export function workflowBundle(): { codePath: string } {
  if (!existsSync(BUNDLE_FILE)) throw new Error(`${BUNDLE_FILE} is missing: run \`npm run build\``);
  return { codePath: BUNDLE_FILE };
}
