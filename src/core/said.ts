/**
 * What somebody else has said, as a part of a line of our own Markdown: it makes no paragraph, heading, list, link, image
 * or HTML of its own. Emphasis and code are left to it. `plain` of the command line takes the marks away again.
 */
export const said = (text: string): string =>
  text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\<]/g, String.raw`\$&`)
    .replaceAll(/\](?=[([])/g, String.raw`\]`);

/** The same without its last full stop, so that it can stand in a sentence. */
export const saidWithin = (text: string): string => said(text.replace(/[.\s]+$/, ''));

/** What {@link said} was given, in one line. */
export const unsaid = (markdown: string): string => markdown.replaceAll(/\\([\\<\]])/g, '$1');
