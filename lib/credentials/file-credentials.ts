import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { checkOptionNames } from '../cluster/common/check-option-names.js';
import { describeKind } from '../cluster/common/describe-value.js';
import { InvalidArgumentError } from '../cluster/common/errors.js';
import {
  CredentialsUnavailableError,
  type Credentials,
  type CredentialsProvider,
} from '../cluster/options/credentials.js';

/** The options of `fileCredentials`. */
export interface FileCredentialsOptions {
  /** The file with the password. Line ends after it are ignored. */
  passwordFile: string;
  /** The file with the name of the user. */
  usernameFile?: string | undefined;
  /** The name of the user, if no file has it. Default: the server's user `default`. */
  username?: string | undefined;
  /** Reads both from the text of `passwordFile`, for another format, such as JSON. Excludes the two options above. */
  parse?: ((text: string) => Credentials) | undefined;
  /** How often the files are checked for a change, in ms. Default 1000. */
  pollMs?: number | undefined;
}

const KNOWN = ['passwordFile', 'usernameFile', 'username', 'parse', 'pollMs'] as const;

/**
 * Returns a `credentialsProvider` that reads files which are replaced while the application runs: a mounted Kubernetes
 * secret, the files of a Vault agent. When a file changes, by being written, renamed over, or by a changed symbolic link
 * in its path, the client authenticates its open connections with the new credentials. While a file is missing or empty,
 * the credentials that were read last are used.
 * @throws InvalidArgumentError for a missing, unknown or malformed option. The provider rejects with
 *   `CredentialsUnavailableError` if a file cannot be read and never was
 */
export function fileCredentials(options: FileCredentialsOptions): CredentialsProvider {
  checkOptions(options);
  const { passwordFile, usernameFile, pollMs = 1_000 } = options;
  let last: Credentials | undefined;
  const provide = (): Credentials => {
    try {
      return (last = read(options));
    } catch (error) {
      if (last === undefined) throw error;
      return last;
    }
  };
  const onChange = (listener: () => void): (() => void) => {
    const files = usernameFile === undefined ? [passwordFile] : [passwordFile, usernameFile];
    // the listeners of one file are told apart by their identity
    const own = (): void => listener();
    // it follows symbolic links, and works on every file system
    for (const file of files) watchFile(file, { interval: pollMs, persistent: false }, own);
    return () => files.forEach((file) => unwatchFile(file, own));
  };
  return Object.assign(provide, { onChange });
}

function checkOptions(options: FileCredentialsOptions): void {
  checkOptionNames('fileCredentials', options, KNOWN);
  const { passwordFile, usernameFile, username, parse, pollMs } = options;
  const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
  if (!isText(passwordFile)) refuse('passwordFile', 'the path of a file', passwordFile);
  if (usernameFile !== undefined && !isText(usernameFile))
    refuse('usernameFile', 'the path of a file', usernameFile);
  if (username !== undefined && !isText(username)) refuse('username', 'text', username);
  if (parse !== undefined && typeof parse !== 'function') refuse('parse', 'a function', parse);
  if (pollMs !== undefined && !(Number.isInteger(pollMs) && pollMs >= 1))
    refuse('pollMs', 'a whole number of milliseconds', pollMs);
  const sources = Object.entries({ username, usernameFile, parse }).filter(
    ([, value]) => value !== undefined,
  );
  if (sources.length > 1) {
    const names = sources.map(([name]) => name).join(' and ');
    throw new InvalidArgumentError(sources[1][0], `${names} exclude each other: each says who the user is`);
  }
}

function read({ passwordFile, usernameFile, username, parse }: FileCredentialsOptions): Credentials {
  const text = textOf(passwordFile);
  if (parse !== undefined) return parsed(parse, text, passwordFile);
  return { username: usernameFile === undefined ? username : textOf(usernameFile), password: text };
}

function textOf(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/[\r\n]+$/, '');
  } catch (error) {
    throw new CredentialsUnavailableError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (text === '') throw new CredentialsUnavailableError(`found an empty file: ${file}`);
  return text;
}

function parsed(parse: (text: string) => Credentials, text: string, file: string): Credentials {
  let credentials: Partial<Credentials> | undefined;
  try {
    credentials = parse(text);
  } catch {
    // its error may quote the text
  }
  if (typeof credentials?.password === 'string') return credentials as Credentials;
  throw new CredentialsUnavailableError(
    `found no credentials in ${file}: \`parse\` failed, or returned none`,
  );
}

function refuse(option: string, wanted: string, got: unknown): never {
  throw new InvalidArgumentError(option, `${option} must be ${wanted}, got ${describeKind(got)}`);
}
