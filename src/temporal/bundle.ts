import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type BundlerPlugin } from '@temporalio/worker';

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

/** Bundles the workflows that were compiled to `folder`, into that folder. Called by the build. */
export async function writeWorkflowBundle(folder: string): Promise<void> {
  await writeFile(path.join(folder, path.basename(BUNDLE_FILE)), await bundled(workflows(folder)));
}

/** What others have in the sandbox beside our workflows. */
export interface BundleParts {
  plugins: readonly BundlerPlugin[];
  interceptorModules: readonly string[];
}

/** A bundle of our workflows that others have a part in, such as tracing. It takes 1 to 3 s, so nobody else has one made. */
export const bundleWith = async (parts: BundleParts): Promise<{ code: string }> => ({
  code: await bundled(WORKFLOWS, parts),
});

async function bundled(
  { index, guard, converter }: typeof WORKFLOWS,
  { plugins, interceptorModules }: BundleParts = { plugins: [], interceptorModules: [] },
): Promise<string> {
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({
    workflowsPath: index,
    workflowInterceptorModules: [guard, ...interceptorModules],
    payloadConverterPath: converter,
    plugins: [...plugins],
    logger: quiet,
  });
  return code;
}

/** Throws where the package was not built. */
export function workflowBundle(): { codePath: string } {
  if (!existsSync(BUNDLE_FILE)) throw new Error(`${BUNDLE_FILE} is missing: run \`npm run build\``);
  return { codePath: BUNDLE_FILE };
}
