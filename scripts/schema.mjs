// Writes schema/handoff-package.json from the zod schema in dist. A test holds that it is up to date.
import { mkdirSync, writeFileSync } from 'node:fs';
import { packageJsonSchema } from '../dist/core/package/package-schema.js';

mkdirSync('schema', { recursive: true });
writeFileSync('schema/handoff-package.json', `${JSON.stringify(packageJsonSchema(), null, 2)}\n`);
