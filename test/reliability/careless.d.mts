import type { Procedure } from '../../src/core/procedure.js';

declare const parts: { procedures: [Procedure] };
export default parts;
