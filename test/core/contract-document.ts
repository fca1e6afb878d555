/** The contract document that S2 prints, as it stands there. */
export const S2_TEXT = `{
  "handoff_id": "ho_008_to_013",
  "from_agent": "@code-architect",
  "from_phase": 8,
  "to_agent": "@nodejs-specialist",
  "to_phase": 13,
  "contract": {
    "sends": {
      "code-architecture.json": {
        "schema": "code-architecture.schema.json",
        "description": "Architecture decisions and module structure",
        "required_fields": ["modules", "api_structure", "dependencies", "coding_standards"],
        "example": {
          "modules": ["users", "posts", "comments"],
          "api_structure": "rest",
          "database_models": ["User", "Post"]
        }
      },
      "module-structure.json": {
        "schema": "module-structure.schema.json",
        "description": "Directory and file structure"
      }
    },
    "expects_in_return": {
      "express-app.json": {
        "schema": "express-output.schema.json",
        "timeout_minutes": 120,
        "expected_in": 120,
        "if_missing": "retry",
        "critical": true
      },
      "api-routes.json": {
        "schema": "api-routes.schema.json",
        "critical": true
      },
      "tests": {
        "type": "directory",
        "minimum_test_coverage": 0.8,
        "critical": false
      }
    }
  },
  "timing": {
    "phase_8_expected_end": "2026-01-13T11:30:00Z",
    "phase_13_can_start_after": "2026-01-13T11:30:00Z",
    "phase_13_expected_end": "2026-01-13T15:30:00Z"
  }
}
`;

type Json = Record<string, unknown>;

/** S2's document with other values at JSON pointers; `undefined` takes one away. */
export function s2(changes: Record<string, unknown> = {}): Json {
  const document = JSON.parse(S2_TEXT) as Json;
  for (const [pointer, value] of Object.entries(changes)) put(document, pointer, value);
  return document;
}

export function put(document: Json, pointer: string, value: unknown): void {
  const parts = pointer
    .slice(1)
    .split('/')
    .map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = parts.pop()!;
  let at = document;
  for (const part of parts) at = (at[part] ??= {}) as Json;
  if (value === undefined) delete at[last];
  else Object.defineProperty(at, last, { value, enumerable: true, writable: true, configurable: true });
}
