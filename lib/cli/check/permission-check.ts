import { ReplyError } from '../../cluster/common/errors.js';
import { fieldsOf, listOf } from '../../cluster/topology/reply-fields.js';
import { counted } from '../common/counted.js';
import { UsageError } from '../common/usage-error.js';
import type { ClusterFacts } from './collect-facts.js';
import { FEATURES, NEEDED_ALWAYS } from './feature-permissions.js';
import type { Check, Finding } from './finding.js';
import type { NodeLink } from './node-link.js';

const DENIED = /no permissions to run/;

/**
 * Whether a user may do what the features of Keyslot need. The server judges each command (ACL DRYRUN).
 * @param user the user; without one, the user of the check
 */
export function permissionCheck(user: string | undefined): Check {
  return { id: 'permissions', run: (facts) => checkPermissions(facts, user) };
}

async function checkPermissions({ nodes }: ClusterFacts, user: string | undefined): Promise<Finding> {
  const { link } = nodes.find(({ self }) => self.role === 'primary') ?? nodes[0];
  try {
    const name = user ?? String(await link.call('ACL', 'WHOAMI'));
    const rules = fieldsOf(await link.call('ACL', 'GETUSER', name));
    if (rules.size === 0) throw new UsageError(`--acl-user: there is no user ${name} on ${link.name}`);
    const denied = await deniedTo(name, link);
    return judge(name, denied, String(rules.get('keys') ?? ''), String(rules.get('channels') ?? ''));
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    return {
      status: 'unknown',
      summary: 'this user may not see the rules of users',
      advice:
        'Connect as a user with +acl|whoami +acl|getuser +acl|dryrun +command|info, and name the user of your ' +
        'application by --acl-user',
    };
  }
}

/** Returns the commands that the user may not run, of those that features need. */
async function deniedTo(user: string, link: NodeLink): Promise<Set<string>> {
  const commands = [...new Set([NEEDED_ALWAYS, ...FEATURES.flatMap((row) => row.commands.split(' '))])];
  const infos = listOf(await link.call('COMMAND', 'INFO', ...commands));
  const verdicts = await Promise.all(
    commands.map(async (command, i) => {
      const arity = listOf(infos[i])[1];
      // a command that the server does not know is not a matter of permissions
      if (typeof arity !== 'number') return false;
      const words = command.split('|');
      const padding = new Array<string>(Math.max(0, Math.abs(arity) - words.length)).fill('0');
      return DENIED.test(String(await link.call('ACL', 'DRYRUN', user, ...words, ...padding)));
    }),
  );
  return new Set(commands.filter((_, i) => verdicts[i]));
}

function judge(user: string, denied: ReadonlySet<string>, keys: string, channels: string): Finding {
  if (denied.has(NEEDED_ALWAYS))
    return {
      status: 'problem',
      summary: `user ${user} may not run CLUSTER SLOTS, which every client needs`,
      advice: `Grant it +${NEEDED_ALWAYS}`,
    };
  const details = FEATURES.flatMap(({ feature, commands, channels: needsChannels }) => {
    const missing = commands.split(' ').filter((command) => denied.has(command));
    const lacks = [
      ...missing.map((command) => `+${command}`),
      ...(needsChannels && channels === '' ? ['a channel pattern (&…)'] : []),
    ];
    return lacks.length === 0 ? [] : [`${feature}: lacks ${lacks.join(' ')}`];
  });
  if (keys === '') details.unshift('no key may be used: keys of your application need a pattern (~…)');
  if (details.length === 0)
    return { status: 'ok', summary: `user ${user} may run the commands of all features` };
  return {
    status: 'note',
    summary: `user ${user} lacks permissions of ${counted(details.length, 'feature')}`,
    details,
    advice: 'Grant what your application uses; docs/security.md has the keys and channels of each feature',
  };
}
