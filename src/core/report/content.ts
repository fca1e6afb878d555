import { COMPONENT_TYPES, type ComponentProgress, type ComponentType, type ReportContent } from './report.js';

type Changes = Partial<Record<ComponentType, Partial<ComponentProgress>>>;
const NOT_STARTED: ComponentProgress = { status: 'not_started', progress_percentage: 0 };

/** A copy without what is `undefined` or `null`: what is absent has one form, so that a digest has. */
const whole = <T extends object>(given: T): T =>
  Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined && v !== null)) as T;

/** All eight, with what was given laid over what was there. */
function merged(before: Partial<ReportContent['components']>, changes: Changes): ReportContent['components'] {
  return Object.fromEntries(
    COMPONENT_TYPES.map((type) => [type, whole({ ...NOT_STARTED, ...before[type], ...changes[type] })]),
  ) as ReportContent['components'];
}

/** The first version of a content. */
export function contentFrom(
  given: Omit<ReportContent, 'components' | 'attachments'> & { components?: Changes | undefined },
): ReportContent {
  const { components, ...rest } = given;
  return { ...whole(rest), components: merged({}, components ?? {}), attachments: [] };
}

/** What is given replaces what was there; `null` takes it away; a component's fields are replaced one by one. */
export function contentWith(
  before: ReportContent,
  change: { [K in keyof ReportContent]?: unknown } & { components?: Changes | undefined },
): ReportContent {
  const { components = {}, ...rest } = change;
  const given = Object.fromEntries(Object.entries(rest).filter(([, v]) => v !== undefined));
  return { ...whole({ ...before, ...given }), components: merged(before.components, components) };
}
