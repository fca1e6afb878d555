import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type BundleOptions, type BundlerPlugin } from '@temporalio/worker';

// The same whether this file runs from src/ or dist/.
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Where the build leaves the workflows as one file, so that a worker starts in half a second. */
export const BUNDLE_FILE = path.join(root, 'dist', 'workflow-bundle.js');

/** The same workflows for workers that trace. */
const TRACED_FILE = path.join(root, 'dist', 'workflow-bundle-traced.js');

const workflows = (folder: string) => ({
  index: path.join(folder, 'workflows', 'index.js'),
  guard: path.join(folder, 'workflows', 'start-guard.js'),
  converter: path.join(folder, 'workflows', 'payload-converter.js'),
  tracing: path.join(folder, 'workflows', 'tracing.js'),
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

/** Bundles the workflows that were compiled to `folder`, into that folder, without tracing and with it. Called by the build. */
export async function writeWorkflowBundle(folder: string): Promise<void> {
  const parts = workflows(folder);
  await writeFile(path.join(folder, path.basename(BUNDLE_FILE)), await bundled(parts, [parts.guard]));
  await writeFile(path.join(folder, path.basename(TRACED_FILE)), await bundled(parts, [parts.guard, parts.tracing]));
}

/** A bundle of our workflows that others have a part in. It takes 1 to 3 s, so nobody else has one made. */
export const bundleWith = async (
  plugins: readonly BundlerPlugin[],
  interceptorModules: readonly string[],
): Promise<{ code: string }> => ({
  code: await bundled(WORKFLOWS, [WORKFLOWS.guard, ...interceptorModules], plugins),
});

async function bundled(
  { index, converter }: typeof WORKFLOWS,
  workflowInterceptorModules: string[],
  plugins: readonly BundlerPlugin[] = [],
): Promise<string> {
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({
    workflowsPath: index,
    workflowInterceptorModules,
    payloadConverterPath: converter,
    plugins: [...plugins],
    logger: quiet,
    webpackConfigHook: joined,
  });
  return code;
}

/** Throws where the package was not built. */
export function workflowBundle({ traced = false } = {}): { codePath: string } {
  const codePath = traced ? TRACED_FILE : BUNDLE_FILE;
  if (!existsSync(codePath)) throw new Error(`${codePath} is missing: run \`npm run build\``);
  return { codePath };
}
