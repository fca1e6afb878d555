import type { Action } from '../../src/activities/action.js';
import type { Procedure } from '../../src/core/procedure.js';

export const actions: Action[];
export const procedures: Procedure[];
