// All gates, the cheap ones first and the tests last, so that the tests' summary stays the last line of stdout.
import { spawnSync } from 'node:child_process';
import process from 'node:process';

const gates = ['format:check', 'lint', 'imports', 'knip', 'types', 'build', 'publint', 'coverage', 'test:built'];

for (const gate of gates) {
  console.log(`== npm run ${gate}`);
  const { status, signal } = spawnSync('npm', ['run', '--silent', gate], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) continue;
  const how = status === null ? `ended by ${signal ?? 'nobody'}` : `exit ${status}`;
  if (gate !== 'test:built') console.error(`check: ${gate} failed (${how}); the gates after it did not run`);
  process.exit(status ?? 1);
}
