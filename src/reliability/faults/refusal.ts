import Database from 'libsql';

/** The code with which SQLite refuses statements on a connection of their own; undefined where it takes them all. */
export function refusal(file: string, ...statements: readonly string[]): string | undefined {
  const probe = new Database(file);
  try {
    probe.exec('PRAGMA busy_timeout = 0');
    for (const statement of statements) probe.exec(statement);
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  } finally {
    probe.close();
  }
}
