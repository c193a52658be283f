/** The databases of the clients of this process that have selected another than 0. */
const databases = new Map<number, string>();

/** Records the database of a client, for what listens to its channels. */
export function recordDatabase(clientId: number, database: number): void {
  if (database !== 0) databases.set(clientId, String(database));
}

/** Returns the database of a client as text. */
export function databaseOf(clientId: number | undefined): string {
  return (clientId !== undefined && databases.get(clientId)) || '0';
}
