import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BundleOptions } from '@temporalio/worker';
import { HandoffError } from '../core/errors.js';
import { WORKFLOWS } from './bundle.js';

type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];

/** The names that our workflows have in a bundle; `default` runs every procedure. */
const OURS = ['default', 'repairHandoff', 'reconcileHandoffs', 'handoffPipeline'];

const taken = (names: readonly string[], where: string): HandoffError =>
  new HandoffError('PLUGIN_CONFLICT', {
    why: `${where} exports ${names.join(' and ')}, which handoff needs for its own workflows (${OURS.join(', ')}); name yours otherwise`,
  });

/**
 * Puts our workflows, their guard and their payload converter into a bundle beside a user's own. Throws PLUGIN_CONFLICT
 * while it is made, where both have a workflow of one name.
 */
export function shareBundle(options: BundleOptions): BundleOptions {
  const theirs = path.resolve(options.workflowsPath);
  if (!existsSync(theirs) && !existsSync(`${theirs}.js`) && !existsSync(`${theirs}.ts`))
    throw new HandoffError('PLUGIN_CONFLICT', { why: `there is no workflowsPath ${theirs}` });
  const entry = writeEntry(theirs);
  return {
    ...options,
    workflowsPath: entry,
    workflowInterceptorModules: [...(options.workflowInterceptorModules ?? []), WORKFLOWS.guard],
    payloadConverterPath: options.payloadConverterPath ?? WORKFLOWS.converter,
    webpackConfigHook: (config) => {
      const whole = withEntry(config, entry, theirs);
      return options.webpackConfigHook ? options.webpackConfigHook(whole) : whole;
    },
  };
}

/** A module that has both. What JavaScript gives every object is not among its names. */
function writeEntry(theirs: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'handoff-bundle-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'workflows.cjs');
  const text = `const ours = require(${JSON.stringify(WORKFLOWS.index)});
const theirs = require(${JSON.stringify(theirs)});
const { own } = require(${JSON.stringify(WORKFLOWS.ownTypes)});
const all = Object.create(null);
for (const name of Object.keys(theirs)) {
  if (Object.hasOwn(ours, name)) throw new TypeError('handoff needs the name ' + name + ' for a workflow of its own');
  all[name] = theirs[name];
  if (typeof theirs[name] === 'function') own.types.add(name);
}
own.shared = true;
module.exports = Object.assign(all, ours);
`;
  writeFileSync(file, text);
  return file;
}

/** From where the entry lies, the SDK would not be found; and what a bundle exports is known only while it is made. */
function withEntry(config: WebpackConfig, entry: string, theirs: string): WebpackConfig {
  const sdk = createRequire(import.meta.url).resolve('@temporalio/workflow');
  const modules = sdk.slice(0, sdk.lastIndexOf(path.join('@temporalio', 'workflow')));
  return {
    ...config,
    resolve: { ...config.resolve, modules: [...(config.resolve?.modules ?? ['node_modules']), modules] },
    plugins: [
      ...(config.plugins ?? []),
      {
        apply(compiler) {
          compiler.hooks.compilation.tap('handoff', (compilation) => {
            // After the step of webpack that finds out what each module exports.
            compilation.hooks.finishModules.tap({ name: 'handoff', stage: 1000 }, (all) => {
              for (const module of all) {
                const issuer = compilation.moduleGraph.getIssuer(module);
                if (issuer?.nameForCondition() !== entry) continue;
                if (module.nameForCondition()?.startsWith(path.dirname(WORKFLOWS.index))) continue;
                const names = compilation.moduleGraph.getProvidedExports(module);
                const both = Array.isArray(names) ? names.filter((name) => OURS.includes(name)) : [];
                if (both.length > 0) throw taken(both, theirs);
              }
            });
          });
        },
      },
    ],
  };
}
