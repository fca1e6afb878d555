/** Temporal's own defaults. */
export const PORT = 7233;
export const UI_PORT = 8233;
