/** Temporal's own defaults. */
export const PORT = 7233;
export const UI_PORT = 8233;
/** Of our own service. */
export const API_PORT = 7480;
