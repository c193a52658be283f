import { readFileSync } from 'node:fs';

const LAST_LINES = 12;

/** The last lines of a server's log, without any of the secrets. Empty when there is no log. */
export function lastLogLines(file: string, secrets: readonly string[]): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return '';
  }
  const lines = text.trimEnd().split('\n').slice(-LAST_LINES);
  return lines.map((line) => redact(line, secrets)).join('\n');
}

function redact(line: string, secrets: readonly string[]): string {
  // a server that cannot read its configuration quotes the whole directive
  const named = line.replace(/^(>>> '\S+).*$/, "$1 …'");
  return secrets
    .filter((secret) => secret !== '')
    .reduce((rest, secret) => rest.replaceAll(secret, '…'), named);
}
