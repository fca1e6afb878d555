import { setTimeout as sleep } from 'node:timers/promises';
import { withAttachment } from '../../core/report/attachment.js';
import { HandoffError } from '../../core/errors.js';
import { contentWith } from '../../core/report/content.js';
import { outlineOf } from '../../core/report/outline.js';
import { refuseReport } from '../../core/report/refusal.js';
import {
  componentChangeSchema,
  componentType,
  parsedReport,
  submitReportSchema,
  updateReportSchema,
} from '../../core/report/report-schema.js';
import type { Attachment, ComponentProgress, ComponentType, ReportContent } from '../../core/report/report.js';
import type { ReportView } from '../../core/report/view.js';
import {
  editReportUpdate,
  submitReportUpdate,
  type EditReportMessage,
  type SubmitReportMessage,
} from '../../messages/report.js';
import { readAttachment, storeAttachment } from '../../storage/reports/attachments.js';
import { measured, putContent } from '../../storage/reports/content.js';
import { checkActor, send } from './send.js';
import { contentOf, readable, viewOf, type ReportDeps } from './deps.js';
import type { NewAttachment, SubmitReport, UpdateReport, WriteOptions } from './port.js';

/** How often a change is laid over what somebody else has written meanwhile. */
const TRIES = 40;
const AGAIN_MS = 25;

/**
 * Makes the next version from the present one. Where somebody else wrote between, it is made once more from theirs,
 * unless the caller has said which one they have seen.
 */
async function edit(
  deps: ReportDeps,
  id: string,
  what: EditReportMessage['what'],
  change: (content: ReportContent) => ReportContent,
  { ifMatch: seq, idempotencyKey: key }: WriteOptions = {},
): Promise<ReportView> {
  for (let tried = 1; ; tried++) {
    const { state } = await readable(deps, id);
    checkActor(state, 'edit', deps.actor, key);
    const content = change(await contentOf(deps, state));
    const more = { ...(seq === undefined ? {} : { seq }), ...(key === undefined ? {} : { key }) };
    const message: EditReportMessage = {
      actor: deps.actor,
      basedOn: state.version.digest,
      version: measured(content),
      outline: outlineOf(content),
      what,
      ...more,
    };
    const refusal = key === undefined ? refuseReport(state, 'edit', message, Date.now()) : undefined;
    if (refusal) throw new HandoffError(refusal.code, refusal.params);
    await putContent(deps.storage, content);
    try {
      return await viewOf(deps, await send(deps.caller, id, 'edit', editReportUpdate, message));
    } catch (error) {
      const isChanged = error instanceof HandoffError && error.code === 'REPORT_CHANGED';
      if (!isChanged || seq !== undefined || tried === TRIES) throw error;
      // Of many who write at once one gets through each time; the others must not all come back together.
      await sleep(Math.random() * Math.min(tried, 10) * AGAIN_MS);
    }
  }
}

export async function updateReport(
  deps: ReportDeps,
  id: string,
  given: UpdateReport,
  options?: WriteOptions,
): Promise<ReportView> {
  const change = parsedReport(updateReportSchema, given) as Parameters<typeof contentWith>[1];
  return edit(deps, id, 'content', (content) => contentWith(content, change), options);
}

export async function updateComponent(
  deps: ReportDeps,
  id: string,
  component: ComponentType,
  given: Partial<ComponentProgress>,
  options?: WriteOptions,
): Promise<ReportView> {
  const type = parsedReport(componentType, component);
  const change = { components: { [type]: parsedReport(componentChangeSchema, given) as Partial<ComponentProgress> } };
  return edit(deps, id, 'component', (content) => contentWith(content, change), options);
}

/** One of the same name is replaced. */
export async function attach(
  deps: ReportDeps,
  id: string,
  file: NewAttachment,
  options?: WriteOptions,
): Promise<ReportView> {
  checkActor((await readable(deps, id)).state, 'edit', deps.actor, options?.idempotencyKey);
  const { name, media_type: mediaType, component_type: component, bytes } = file;
  const about = component === undefined ? {} : { component: parsedReport(componentType, component) };
  const attachment = await storeAttachment(deps.storage, deps, { name, mediaType, bytes, ...about });
  const added = (content: ReportContent): ReportContent => ({
    ...content,
    attachments: withAttachment(content.attachments, attachment),
  });
  return edit(deps, id, 'attachment', added, options);
}

export async function detach(deps: ReportDeps, id: string, name: string, options?: WriteOptions): Promise<ReportView> {
  const without = (content: ReportContent): ReportContent => {
    attachmentIn(content, id, name);
    return { ...content, attachments: content.attachments.filter((a) => a.name !== name) };
  };
  return edit(deps, id, 'attachment', without, options);
}

/** Throws REPORT_NOT_FOUND, naming the attachment. */
function attachmentIn(content: ReportContent, id: string, name: string): Attachment {
  const there = content.attachments.find((a) => a.name === name);
  if (!there) throw new HandoffError('REPORT_NOT_FOUND', { report: `${id} with an attachment ${name}` });
  return there;
}

export async function readAttached(
  deps: ReportDeps,
  id: string,
  name: string,
): Promise<{ attachment: Attachment; bytes: Uint8Array }> {
  const { state } = await readable(deps, id);
  const attachment = attachmentIn(await contentOf(deps, state), id, name);
  return { attachment, bytes: await readAttachment(deps.storage, attachment) };
}

/** Hands it in; its notes become a part of what is reviewed. Throws REPORT_INCOMPLETE with every reason. */
export async function submitReport(
  deps: ReportDeps,
  id: string,
  given: SubmitReport = {},
  { ifMatch: seq, idempotencyKey: key }: WriteOptions = {},
): Promise<ReportView> {
  const { submission_notes: notes, attachments = [] } = parsedReport(submitReportSchema, given);
  const { state } = await readable(deps, id);
  checkActor(state, 'submit', deps.actor, key);
  const before = await contentOf(deps, state);
  const content = notes === undefined ? before : { ...before, submission_notes: notes };
  const outline = outlineOf(content);
  const lacking = attachments.filter((name) => !content.attachments.some((a) => a.name === name));
  outline.missing.push(...lacking.map((name) => ({ path: '/attachments', message: `${name} is not attached` })));
  const differs = content !== before || lacking.length > 0;
  const message: SubmitReportMessage = {
    actor: deps.actor,
    digest: state.version.digest,
    ...(notes === undefined ? {} : { notes }),
    ...(differs ? { edit: { version: await putContent(deps.storage, content), outline } } : {}),
    ...(seq === undefined ? {} : { seq }),
    ...(key === undefined ? {} : { key }),
  };
  const refusal = key === undefined ? refuseReport(state, 'submit', message, Date.now()) : undefined;
  if (refusal) throw new HandoffError(refusal.code, refusal.params);
  return viewOf(deps, await send(deps.caller, id, 'submit', submitReportUpdate, message));
}
