import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** The folder of the server that tests run on; undefined if it is on the PATH. */
const folder = process.env.KEYSLOT_REDIS_SERVER && dirname(process.env.KEYSLOT_REDIS_SERVER);

/** The environment for scripts that call `redis-server` and `redis-cli`: they get those of the tests. */
export const withServerPrograms = (): NodeJS.ProcessEnv =>
  folder ? { ...process.env, PATH: [folder, process.env.PATH].join(delimiter) } : process.env;

/** The name of the command line client beside that server: Valkey has its own. */
export const commandLineClient = (): string =>
  folder && existsSync(join(folder, 'valkey-cli')) ? 'valkey-cli' : 'redis-cli';
