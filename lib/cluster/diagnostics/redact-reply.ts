/** An argument that an error text repeats after `after`, up to the last `until` or else to the end. */
interface Echo {
  readonly after: string;
  readonly until?: string;
  readonly reason: string;
}

/**
 * The places where error texts of Redis, Valkey and their modules repeat arguments that may be values or
 * credentials.
 */
const ECHOES: readonly Echo[] = [
  {
    after: 'NOPERM User ',
    until: ' has no permissions',
    reason: 'since Redis 7.2: half of what a stranger needs to log in',
  },
  { after: ', with args beginning with: ', reason: 'an unknown command, with its first arguments' },
  { after: "Syntax error in HELLO option '", until: "'", reason: 'a misplaced password of HELLO AUTH' },
  { after: "Error in ACL SETUSER modifier '", until: "': ", reason: 'passwords: >new, <old, #hash' },
  { after: "Error in applying operation '", until: "': ", reason: 'the same, from the file of ACL LOAD' },
  { after: "in acl selector starting at '", until: "'", reason: 'the same, inside parentheses' },
  {
    after: "Invalid argument '",
    until: "' for ",
    reason: 'CONFIG SET before Redis 7, SENTINEL SET: passwords',
  },
  { after: "Invalid value '", until: "' to ", reason: 'SENTINEL CONFIG SET: sentinel-pass' },
  { after: 'arguments to loadex around ', reason: 'MODULE LOADEX: module arguments may be credentials' },
  { after: 'invalid longitude,latitude pair ', reason: 'GEOADD, GEOSEARCH: where somebody is' },
  { after: 'unknown argument: ', reason: 'HGETEX, HSETEX: a field or value in the place of a keyword' },
  { after: 'Syntax error at offset ', reason: 'FT.SEARCH: what was searched for' },
  { after: "nknown subcommand '", until: "'. Try", reason: 'what stands where a subcommand was forgotten' },
  {
    after: "nknown subcommand or wrong number of arguments for '",
    until: "'",
    reason: 'before Redis 7: the same',
  },
  {
    after: "number of arguments for CONFIG SET - '",
    until: "'",
    reason: 'a value that took the place of a name',
  },
  { after: "No such key '", until: "' or consumer group", reason: 'XREADGROUP, XACK and their like: a key' },
  { after: " for key name '", until: "'", reason: 'XGROUP, XINFO: a key' },
  { after: 'Unsupported option ', reason: 'EXPIRE: a value in the place of a keyword' },
  { after: "Unrecognized XCLAIM option '", until: "'", reason: 'the same' },
  { after: 'Unknown argument ', reason: 'FUNCTION LIST, FT.SEARCH: the same' },
  { after: 'Unknown option given: ', reason: 'FUNCTION LOAD: the code, where its options stand behind it' },
  { after: 'Invalid metadata value given: ', reason: 'the first line of a function library' },
  { after: "find scripting engine '", until: "'", reason: 'since Valkey 9: the first line of a script' },
  { after: 'script shebang: ', reason: 'the first line of a script' },
  { after: 'lua shebang option: ', reason: 'the same' },
  {
    after: " near '",
    until: "'",
    reason: 'a script that cannot be read: text of it, which may be a literal',
  },
  { after: '[string "', until: '"]', reason: 'a script that a script loads: its text' },
];

/**
 * Returns the text of an error reply without the arguments it repeats, which may be stored values or
 * credentials. Keeps names of commands and nodes, and the errors of Lua scripts, which are their authors'
 * choice.
 */
export function redactReply(text: string): string {
  for (const { after, until } of ECHOES) {
    const found = text.indexOf(after);
    if (found === -1) continue;
    const start = found + after.length;
    const end = until === undefined ? -1 : text.lastIndexOf(until);
    text = `${text.slice(0, start)}(redacted)${end < start ? '' : text.slice(end)}`;
  }
  return text;
}
