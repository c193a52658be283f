import { dirname, posix } from 'node:path';

/** The folders of `lib/`, from the bottom to the top: each imports only from itself and from those before it. */
const TOP_FOLDERS: readonly (readonly string[])[] = [
  ['cluster'],
  ['pubsub'],
  ['client'],
  ['entity'],
  ['nest'],
  ['testing/memory'],
  ['testing'],
  ['cache', 'cli', 'credentials', 'dashboard', 'health', 'microservices', 'telemetry', 'throttler'],
  ['index.ts'],
];

/**
 * The rooms of each folder, from the bottom to the top. Rooms of one line do not import each other. `.` is the
 * folder's own files, its face to the outside.
 */
const ROOMS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  cluster: [
    ['common'],
    ['runtime'],
    ['diagnostics', 'stats'],
    ['logging'],
    ['protocol'],
    ['command-table', 'topology'],
    ['options'],
    ['retry'],
    ['scripts'],
    ['command'],
    ['batch'],
    ['caching'],
    ['connection'],
    ['node-client'],
    ['waiting'],
    ['routing'],
    ['leases'],
    ['discovery'],
    ['.'],
  ],
  pubsub: [['common'], ['subscriptions', 'buffers'], ['messages'], ['links'], ['keyspace'], ['.']],
  client: [
    ['commands'],
    ['target'],
    ['batch'],
    ['scan'],
    ['cluster-calls'],
    ['migration'],
    ['admin'],
    ['ioredis'],
    ['non-atomic'],
    ['.'],
  ],
  entity: [
    ['common'],
    ['codec'],
    ['scripts'],
    ['decorators'],
    ['schema'],
    ['keys'],
    ['lua'],
    ['collections'],
    ['rows'],
    ['selection'],
    ['operations'],
    ['commit-scripts'],
    ['records'],
    ['planning'],
    ['query', 'changes'],
    ['global'],
    ['commit'],
    ['maintenance', 'deletion'],
    ['loading'],
    ['locks'],
    ['transactions', 'partitions'],
    ['followers'],
    ['repository'],
  ],
  nest: [['common'], ['client', 'filters'], ['subscribers'], ['handlers'], ['.']],
  dashboard: [['state'], ['collectors'], ['monitors'], ['http'], ['.']],
  telemetry: [['common'], ['propagation'], ['metrics', 'traces'], ['.']],
  cli: [['common'], ['bench', 'check', 'entities', 'local'], ['commands'], ['.']],
  'testing/memory': [
    ['keyspace'],
    ['command-parts'],
    ['commands', 'lua'],
    ['libraries'],
    ['scripts'],
    ['server'],
    ['.'],
  ],
  testing: [['common'], ['folder', 'server'], ['cluster'], ['.']],
};

const MAX_LINES = 300;
const MAX_FILES = 13;

/** Files without a limit of lines: one is generated, and the other only lists the public names. */
const UNLIMITED: ReadonlySet<string> = new Set(['cluster/command-table/command-rows.ts', 'index.ts']);

/** The files of `lib/`: their texts, by their paths in it. */
export type Sources = ReadonlyMap<string, string>;

/** Returns what breaks the rules of `lib/`, one line each: imports that run up, long files, crowded folders. */
export function brokenRules(sources: Sources): string[] {
  return [...upwardImports(sources), ...longFiles(sources), ...crowdedFolders(sources)];
}

/** Returns the files of `lib/` that a file imports, types and re-exports included. */
export function importsOf(file: string, text: string): string[] {
  const paths = [...text.matchAll(/\b(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)].map(
    ([, path]) => path,
  );
  return paths.map((path) => posix.join(dirname(file), path).replace(/\.js$/, '.ts'));
}

function upwardImports(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(file, text)
      .filter((imported) => !mayImport(file, imported))
      .map((imported) => `${file} imports ${imported}`),
  );
}

function mayImport(file: string, imported: string): boolean {
  const [folder, room] = placeOf(file);
  const [importedFolder, importedRoom] = placeOf(imported);
  return folder === importedFolder
    ? isBelow(ROOMS[folder] ?? [['.']], importedRoom, room)
    : isBelow(TOP_FOLDERS, importedFolder, folder);
}

/** A place that the tables do not know is below nothing, so that every new room has to be entered in them. */
function isBelow(floors: readonly (readonly string[])[], below: string, above: string): boolean {
  const floorOf = (place: string): number => floors.findIndex((places) => places.includes(place));
  if (below === above) return floorOf(below) >= 0;
  return floorOf(below) >= 0 && floorOf(below) < floorOf(above);
}

/** Rooms that are so large that they have rooms of their own. */
const ROOMS_WITH_ROOMS: ReadonlySet<string> = new Set(['testing/memory']);

/** `client/scan/scan-key.ts` stands in the room `scan` of `client`, `client/cluster-view.ts` in its room `.`. */
function placeOf(file: string): [folder: string, room: string] {
  const [folder, room, ...rest] = file.split('/');
  if (!ROOMS_WITH_ROOMS.has(`${folder}/${room}`)) return [folder, rest.length > 0 ? room : '.'];
  return [`${folder}/${room}`, rest.length > 1 ? rest[0] : '.'];
}

function longFiles(sources: Sources): string[] {
  return [...sources].flatMap(([file, text]) => {
    const lines = text.trimEnd().split('\n').length;
    return lines > MAX_LINES && !UNLIMITED.has(file) ? [`${file} has ${lines} lines`] : [];
  });
}

function crowdedFolders(sources: Sources): string[] {
  const counts = new Map<string, number>();
  for (const file of sources.keys()) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  return [...counts].flatMap(([folder, count]) =>
    count > MAX_FILES ? [`${folder} has ${count} files`] : [],
  );
}
