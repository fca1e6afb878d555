type Json = Record<string, unknown>;
type Paths = Record<string, Record<string, Json>>;

/** Of what is made here: the operation, the answer's field that names it, and the path parameter that takes the name. */
const MADE = [
  { by: 'post_reports', field: '/report_id', parameter: 'report_id' },
  { by: 'post_handoffs', field: '/handoffId', parameter: 'handoff_id' },
  { by: 'post_webhooks', field: '/webhook_id', parameter: 'webhook_id' },
  { by: 'post_contracts', field: '/id', parameter: 'contract_id' },
  { by: 'post_agents', field: '/name', parameter: 'name' },
  { by: 'post_agents_name_keys', field: '/key_id', parameter: 'key_id', with: { name: '$request.path.name' } },
] as const;

/** The document with links from what makes a thing to all that can be done with it, so that tools can go there. */
export function linked<T extends object>(document: T): T {
  const { paths } = document as { paths?: Paths };
  const all = Object.entries(paths ?? {}).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, operation })),
  );
  for (const { by, field, parameter, ...more } of MADE) {
    const maker = all.find(({ operation }) => operation['operationId'] === by);
    const response = (maker?.operation['responses'] as Record<string, Json> | undefined)?.['201'];
    if (!response) continue;
    const given = { ...('with' in more ? more.with : {}), [parameter]: `$response.body#${field}` };
    const takers = all.filter(
      ({ path }) =>
        path.includes(`{${parameter}}`) && [...path.matchAll(/\{(\w+)\}/g)].every(([, p = '']) => p in given),
    );
    response['links'] = Object.fromEntries(
      takers.map(({ operation }) => {
        const operationId = String(operation['operationId']);
        return [operationId, { operationId, parameters: given }];
      }),
    );
  }
  return document;
}
