import { OWN_USER, type ResolvedLocalClusterOptions } from '../common/local-cluster-options.js';

/** Files of a certificate authority and one certificate for all nodes, in PEM. */
export interface CertificateFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What all servers of a cluster have in common. */
export interface CommonServerSettings {
  readonly options: ResolvedLocalClusterOptions;
  readonly host: string;
  /** Of the cluster's own user. */
  readonly ownPassword: string;
  readonly certificates?: CertificateFiles;
}

type Directive = readonly [name: string, value: string];

/** The text of a server's configuration file. */
export function serverConfig(
  { options, host, ownPassword, certificates }: CommonServerSettings,
  port: number,
): string {
  const directives: Directive[] = [
    ['bind', host],
    ['protected-mode', 'no'],
    ['daemonize', 'no'],
    ['save', '""'],
    ['appendonly', options.dir === undefined ? 'no' : 'yes'],
    ['cluster-enabled', 'yes'],
    ['cluster-config-file', 'nodes.conf'],
    ['cluster-node-timeout', String(options.nodeTimeoutMs)],
    ['cluster-require-full-coverage', options.requireFullCoverage ? 'yes' : 'no'],
    ['repl-diskless-sync', 'yes'],
    ['repl-diskless-sync-delay', '0'],
    ['repl-ping-replica-period', '1'],
    ['masteruser', OWN_USER],
    ['masterauth', ownPassword],
    ...(certificates === undefined ? plainPort(port) : tlsPort(port, certificates)),
    ...(options.password === undefined ? [] : [['requirepass', quote(options.password)] as const]),
  ];
  // what the caller gives comes later and so wins; `save` alone would add up, hence the map
  const merged = new Map<string, string>(directives);
  for (const [name, value] of Object.entries(options.config)) merged.set(name.toLowerCase(), value || '""');
  const users = Object.entries({ ...options.users, [OWN_USER]: `on >${ownPassword} ~* &* +@all` });
  const rows = [...merged, ...users.map(([name, rules]): Directive => ['user', `${name} ${rules}`])];
  return rows.map(([name, value]) => `${name} ${value}\n`).join('');
}

/** Everything in the configuration that must not show up in a log. */
export function secretsOf({ options, ownPassword }: CommonServerSettings): string[] {
  const rules = Object.values(options.users).flatMap((line) => line.split(/\s+/));
  const passwords = rules.filter((rule) => /^[><#!]/.test(rule)).map((rule) => rule.slice(1));
  return [ownPassword, ...(options.password === undefined ? [] : [options.password]), ...passwords];
}

const plainPort = (port: number): Directive[] => [['port', String(port)]];

const tlsPort = (port: number, files: CertificateFiles): Directive[] => [
  ['port', '0'],
  ['tls-port', String(port)],
  ['tls-cluster', 'yes'],
  ['tls-replication', 'yes'],
  ['tls-auth-clients', 'optional'],
  ['tls-ca-cert-file', quote(files.ca)],
  ['tls-cert-file', quote(files.cert)],
  ['tls-key-file', quote(files.key)],
];

/** A value as the configuration file wants it where it may hold anything. */
function quote(value: string): string {
  const escaped = Array.from(Buffer.from(value, 'utf8'), (byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c
      ? `\\x${byte.toString(16).padStart(2, '0')}`
      : String.fromCharCode(byte),
  );
  return `"${escaped.join('')}"`;
}
