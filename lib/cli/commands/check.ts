import { ClusterError } from '../../cluster/common/errors.js';
import { resolveOptions } from '../../cluster/options/resolve-options.js';
import { ADDRESS_CHECK } from '../check/address-check.js';
import { collectFacts, type ClusterFacts } from '../check/collect-facts.js';
import type { Check } from '../check/finding.js';
import { permissionCheck } from '../check/permission-check.js';
import { REPLICA_CHECK } from '../check/replica-check.js';
import { printReport, reportOf, type CheckReport } from '../check/report.js';
import { SERVER_CHECKS } from '../check/server-checks.js';
import { TOPOLOGY_CHECKS } from '../check/topology-checks.js';
import type { Arguments } from '../common/arguments.js';
import type { Command, CommandContext } from '../common/command.js';
import { CONNECTION_OPTIONS, connectionOptions } from '../common/connection-options.js';
import { EXIT } from '../common/exit-code.js';

/** `keyslot check`: whether a cluster is fit. */
export const checkCommand: Command = {
  name: 'check',
  summary: 'Check whether a cluster is fit for use',
  takes: '[NODES]',
  count: [0, 1],
  options: [
    { name: 'json', help: 'Print JSON' },
    {
      name: 'acl-user',
      value: 'NAME',
      help: 'Check the permissions of this user (default: the user of the connection)',
    },
    ...CONNECTION_OPTIONS,
  ],
  notes: [
    'NODES is HOST:PORT,… like --nodes. One node is enough to find the others.',
    'Exit code: 0 the cluster is fit, 1 it has problems, 2 it could not be checked.',
    'It only reads. The user needs +cluster|nodes, and sees more with +cluster|shards +cluster|info +info +config|get\n+acl|whoami +acl|getuser +acl|dryrun +command|info.',
  ],
  async run(given, context) {
    try {
      const report = await check(given, context);
      if (given.has('json')) context.terminal.printJson(report);
      else printReport(context.terminal, report);
      return report.fit ? EXIT.ok : EXIT.no;
    } catch (error) {
      if (given.has('json') && error instanceof ClusterError) {
        const { code, message } = error;
        context.terminal.printJson({ version: 1, fit: null, error: { code, message } });
      }
      throw error;
    }
  },
};

async function check(given: Arguments, context: CommandContext): Promise<CheckReport> {
  const [nodes] = given.words;
  const facts = await collectFacts(resolveOptions(connectionOptions(given, context, nodes)));
  try {
    return reportOf(facts, await findings(facts, given.text('acl-user')));
  } finally {
    facts.close();
  }
}

async function findings(facts: ClusterFacts, user: string | undefined) {
  const checks: Check[] = [
    ...TOPOLOGY_CHECKS,
    REPLICA_CHECK,
    ADDRESS_CHECK,
    ...SERVER_CHECKS,
    permissionCheck(user),
  ];
  return Promise.all(checks.map(async (one) => ({ id: one.id, ...(await one.run(facts)) })));
}
