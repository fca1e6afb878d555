// Writes down, to LOADED_LOG, the address of each module that a process loads: node --import ./loaded.mjs …
import { register } from 'node:module';

const hook = `
  import { appendFileSync } from 'node:fs';
  export async function load(url, context, next) {
    appendFileSync(process.env.LOADED_LOG, url + '\\n');
    return next(url, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
