export { failpoint, failpointSync } from '../storage/failpoint.js';
