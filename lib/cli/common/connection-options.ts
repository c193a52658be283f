import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { ClusterEngineOptions } from '../../cluster/options/options.js';
import type { Arguments } from './arguments.js';
import type { CommandContext } from './command.js';
import type { OptionRow } from './command-form.js';
import { UsageError } from './usage-error.js';

/** How to reach and enter a cluster; the same for all commands. */
export const CONNECTION_OPTIONS: readonly OptionRow[] = [
  {
    name: 'nodes',
    value: 'HOST:PORT,…',
    help: 'Nodes to start from (default REDIS_CLUSTER_NODES, else 127.0.0.1:7000)',
  },
  {
    name: 'user',
    value: 'NAME',
    help: 'ACL user; the password comes from KEYSLOT_PASSWORD or REDISCLI_AUTH',
  },
  { name: 'tls', help: 'Connect by TLS' },
  {
    name: 'cacert',
    value: 'FILE',
    help: 'Certificate authority that signed the certificates of the servers (PEM)',
  },
  { name: 'cert', value: 'FILE', help: 'Client certificate (PEM); needs --key' },
  { name: 'key', value: 'FILE', help: 'Private key of the client certificate (PEM)' },
];

const STARTUP_MS = 5_000;

/**
 * Returns the options of a client from the command line and the environment.
 * @param nodes the nodes, if an argument names them
 * @throws UsageError
 */
export function connectionOptions(
  given: Arguments,
  { environment }: CommandContext,
  nodes: string | undefined = given.text('nodes'),
): ClusterEngineOptions {
  const password = [environment.KEYSLOT_PASSWORD, environment.REDISCLI_AUTH].find(
    (text) => text !== undefined && text !== '',
  );
  const username = given.text('user');
  if (username !== undefined && password === undefined)
    throw new UsageError('--user needs a password in the environment, as KEYSLOT_PASSWORD or REDISCLI_AUTH');
  return {
    nodes: nodes === undefined ? undefined : nodeList(nodes),
    username,
    password,
    tls: tlsOptions(given),
    startupTimeoutMs: STARTUP_MS,
    lazyConnect: true,
  };
}

function nodeList(text: string): string[] {
  const nodes = text.split(',').map((node) => node.trim());
  const list = nodes.filter((node) => node !== '');
  if (list.length === 0) throw new UsageError('The nodes are empty; expected HOST:PORT,…');
  return list;
}

function tlsOptions(given: Arguments): ConnectionOptions | boolean | undefined {
  const files = { ca: 'cacert', cert: 'cert', key: 'key' };
  const options: ConnectionOptions = {};
  for (const [name, option] of Object.entries(files)) {
    const file = given.text(option);
    if (file !== undefined) options[name as 'ca'] = readPem(option, file);
  }
  if ((options.cert === undefined) !== (options.key === undefined))
    throw new UsageError('--cert and --key belong together');
  if (Object.keys(options).length > 0) return options;
  return given.has('tls') ? true : undefined;
}

function readPem(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--${option}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
