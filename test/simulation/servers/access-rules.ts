import { CommandError, OK, type MemoryReply } from '../../../lib/testing/memory/command-parts/reply.js';
import { isWrite } from './slot-rules.js';

interface User {
  isOn: boolean;
  /** `undefined` if it needs none. */
  passwords: Set<string> | undefined;
  /** Rules such as `+@all` and `-get`; the last one that concerns a command decides. */
  commands: string[];
}

/** What rules with these words concern. */
const CATEGORIES: Readonly<Record<string, (words: readonly string[]) => boolean>> = {
  '@all': () => true,
  '@write': isWrite,
};

/** Commands of those who have not authenticated, which no rule forbids. */
const OPEN: ReadonlySet<string> = new Set(['auth', 'hello', 'quit', 'reset']);

export const WRONG_PASSWORD = 'WRONGPASS invalid username-password pair or user is disabled.';

/** The users of a node, and which commands each may run. */
export class AccessRules {
  private readonly users = new Map<string, User>([
    ['default', { isOn: true, passwords: undefined, commands: ['+@all'] }],
  ]);

  /** The user of a new connection; `undefined` if it has to authenticate first. */
  get first(): string | undefined {
    const user = this.users.get('default');
    return user?.isOn === true && user.passwords === undefined ? 'default' : undefined;
  }

  /** Whether somebody is that user. */
  knows(name: string, password: string): boolean {
    const user = this.users.get(name);
    return user?.isOn === true && (user.passwords === undefined || user.passwords.has(password));
  }

  /** Returns why a user may not run a command; `undefined` if it may. */
  refusal(user: string | undefined, name: string, words: readonly string[]): string | undefined {
    if (OPEN.has(name)) return undefined;
    if (user === undefined) return 'NOAUTH Authentication required.';
    if (this.permits(user, name, words)) return undefined;
    return `NOPERM this user has no permissions to run the '${name}' command`;
  }

  /** Returns the error in the place of a reply, for a command of a transaction that was permitted when it was queued. */
  refusalInTransaction(user: string | undefined, words: readonly string[]): CommandError | undefined {
    if (user !== undefined && this.permits(user, words[0].toLowerCase(), words)) return undefined;
    return new CommandError(
      'NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission to execute the command or subcommand',
    );
  }

  /** ACL SETUSER with some of its rules. */
  setUser(name: string, rules: readonly string[]): MemoryReply {
    const user = this.users.get(name) ?? { isOn: false, passwords: new Set(), commands: ['-@all'] };
    this.users.set(name, user);
    for (const rule of rules) this.apply(user, rule);
    return OK;
  }

  private apply(user: User, rule: string): void {
    if (rule === 'on' || rule === 'off') user.isOn = rule === 'on';
    else if (rule === 'nopass') user.passwords = undefined;
    else if (rule === 'resetpass') user.passwords = new Set();
    else if (rule.startsWith('>')) (user.passwords ??= new Set()).add(rule.slice(1));
    else if (rule.startsWith('<')) user.passwords?.delete(rule.slice(1));
    else if (rule.startsWith('+') || rule.startsWith('-')) {
      if (rule.endsWith('@all')) user.commands = [rule];
      else user.commands.push(rule.toLowerCase());
    } else if (rule !== '~*' && rule !== '&*') throw new Error(`The simulation has no rule ${rule}`);
  }

  private permits(user: string, name: string, words: readonly string[]): boolean {
    const rules = this.users.get(user)?.commands ?? [];
    for (let at = rules.length - 1; at >= 0; at--) {
      const target = rules[at].slice(1);
      if (target === name || (target in CATEGORIES && CATEGORIES[target](words))) return rules[at][0] === '+';
    }
    return false;
  }
}
