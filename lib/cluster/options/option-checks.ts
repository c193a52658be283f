import { checkOptionNames, suggestionFor } from '../common/check-option-names.js';
import { describeKind, describeValue, describeOther } from '../common/describe-value.js';
import { InvalidArgumentError } from '../common/errors.js';
import { LONGEST_TIMER_MS } from '../common/timers.js';
import { LOG_KINDS } from '../logging/log-entry.js';
import { checkCacheOptions } from './cache-options.js';
import type { ClusterEngineOptions } from './options.js';

type Check = (value: unknown, name: string) => void;
const refuse = (name: string, expected: string, got: string): never => {
  throw new InvalidArgumentError(name, `Option ${name} must be ${expected}, got ${got}`);
};
const text: Check = (value, name) => {
  if (typeof value !== 'string') refuse(name, 'a string', describeKind(value));
};
const flag: Check = (value, name) => {
  if (typeof value !== 'boolean') refuse(name, 'true or false', describeValue(value));
};
const callable: Check = (value, name) => {
  if (typeof value !== 'function') refuse(name, 'a function', describeKind(value));
};
const oneOf =
  (...allowed: unknown[]): Check =>
  (value, name) => {
    if (allowed.includes(value)) return;
    const suggestion = typeof value === 'string' ? suggestionFor(value, allowed.map(String)) : '';
    refuse(name, `one of ${allowed.join(', ')}`, `${wordOrKind(value)}${suggestion}`);
  };
/** A value that may be a misspelt word. */
const wordOrKind = (value: unknown): string =>
  typeof value === 'string' && /^[a-z]{1,30}$/i.test(value) ? `'${value}'` : describeValue(value);
export const milliseconds: Check = (value, name) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > LONGEST_TIMER_MS)
    refuse(name, `a whole number of milliseconds, from 1 to ${LONGEST_TIMER_MS}`, describeValue(value));
};
const count: Check = (value, name) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
    refuse(name, 'a whole number of at least 1', describeValue(value));
};

const keyDisclosure: Check = (value, name) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(name, '{ keys: true } or { keys: false }', describeValue(value));
  checkOptionNames(name, value, ['keys']);
  const { keys } = value as Record<string, unknown>;
  if (keys !== undefined) flag(keys, `${name}.keys`);
};

const zoneChoice: Check = (value, name) => {
  checkOptionNames(name, value, ['zone', 'fallback', 'zones']);
  const { zone, fallback, zones = {} } = value as Record<string, unknown>;
  if (typeof zone !== 'string' || zone === '')
    refuse(`${name}.zone`, 'the name of a zone', describeOther(zone));
  if (fallback !== undefined) oneOf('any', 'replica', 'primary')(fallback, `${name}.fallback`);
  const isMap = typeof zones === 'object' && zones !== null && !Array.isArray(zones);
  if (!isMap || Object.values(zones).some((one) => typeof one !== 'string')) {
    refuse(`${name}.zones`, "an object such as { '10.0.0.1:7000': 'a' }", describeKind(zones));
  }
};

export const READ_FROM = [
  'primary',
  'primaryPreferred',
  'replica',
  'replicaPreferred',
  'roundRobin',
  'roundRobinReplicas',
  'randomReplica',
  'lowestLatency',
] as const;
/** Every option with the check of its value. */
export const CHECKS: Readonly<Record<keyof ClusterEngineOptions, Check>> = {
  nodes: (value, name) => {
    if (!Array.isArray(value) || value.length === 0)
      refuse(name, 'a list of at least one node', describeKind(value));
  },
  username: text,
  password: text,
  credentialsProvider: callable,
  tls: (value, name) => {
    if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null))
      refuse(name, 'TLS options or a boolean', describeValue(value));
  },
  clientName: (value, name) => {
    const fits = typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
    if (!fits)
      refuse(name, 'printable ASCII without spaces, as CLIENT SETNAME requires', describeOther(value));
  },
  onConnect: callable,
  protocol: oneOf(2, 3),
  replyMapping: oneOf('legacy', 'resp3'),
  stringNumbers: flag,
  database: (value, name) => {
    const fits = Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
    if (!fits) refuse(name, 'the number of a database, from 0', describeValue(value));
  },
  keyPrefix: (value, name) => {
    const fits = typeof value === 'string' && !/[{}]/.test(value);
    if (!fits)
      refuse(name, 'a string without braces, which would change the slot of every key', describeOther(value));
  },
  lazyConnect: flag,
  requireFullCoverage: flag,
  dynamicStartupNodes: flag,
  addressRemap: callable,
  readFrom: (value, name) => {
    if (typeof value === 'object' && value !== null) zoneChoice(value, name);
    else if (typeof value !== 'function') oneOf(...READ_FROM)(value, name);
  },
  retry: oneOf('safe', 'reads', 'never', 'always'),
  deadlineMs: milliseconds,
  connectTimeoutMs: milliseconds,
  startupTimeoutMs: milliseconds,
  replyTimeoutMs: milliseconds,
  keepAliveMs: milliseconds,
  refreshIntervalMs: milliseconds,
  maxPendingPerNode: (value, name) => {
    if (typeof value !== 'object' || value === null)
      refuse(name, '{ commands, bytes }', describeValue(value));
    checkOptionNames(name, value, ['commands', 'bytes']);
    for (const [key, bound] of Object.entries(value as object)) {
      if (bound !== undefined) count(bound, `${name}.${key}`);
    }
  },
  maxLeasedPerNode: count,
  maxLeased: count,
  leaseTimeoutMs: milliseconds,
  allowBlocked: (value, name) => {
    const fits = Array.isArray(value) && value.every((command) => typeof command === 'string');
    if (!fits) refuse(name, 'a list of command names', describeOther(value));
  },
  heartbeatMs: milliseconds,
  statsIntervalMs: milliseconds,
  cache: checkCacheOptions,
  telemetry: keyDisclosure,
  errors: keyDisclosure,
  logging: (value, name) => {
    const kinds = `a list with any of ${LOG_KINDS.join(', ')}`;
    if (!Array.isArray(value)) return refuse(name, kinds, describeValue(value));
    const unknown = value.findIndex((kind) => !(LOG_KINDS as readonly unknown[]).includes(kind));
    if (unknown >= 0) refuse(name, kinds, wordOrKind(value[unknown]));
  },
  slowMs: milliseconds,
  logger: callable,
};
/** Rejects options that are not an object, such as a URL or a list of nodes. @throws InvalidArgumentError */
export function checkIsObject(options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw new InvalidArgumentError(
    'options',
    `The options must be an object, such as { nodes: ["127.0.0.1:7000"] }, got ${describeKind(options)}`,
  );
}
/** Checks the value of one option. @throws InvalidArgumentError */
export function checkOption(name: keyof ClusterEngineOptions, value: unknown): void {
  CHECKS[name](value, name);
}
