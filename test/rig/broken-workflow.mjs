// A new version of the workflow code that fits no run: every workflow task that it gets fails.
export default async function broken() {
  throw new Error('does not fit');
}
