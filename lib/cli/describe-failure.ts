import { ClusterError } from '../cluster/common/errors.js';

/** What a person at a command line can do about an error, by its message. */
const ADVICE: readonly (readonly [message: RegExp, advice: string])[] = [
  [
    /^Authentication failed/,
    'Set the password in the environment, as KEYSLOT_PASSWORD or REDISCLI_AUTH, and the user by --user.',
  ],
  [/ is (a single server|not a cluster node)/, 'Name the nodes of a cluster; keyslot cluster starts one.'],
];

/** Advice to programs, which a command line replaces by its own. */
const OPTIONS_OF_A_PROGRAM = / Set username and password, or a credentialsProvider\.$/;

/** Returns the text for an error that ends a command. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof ClusterError)) return error instanceof Error ? error.message : String(error);
  const message = error.message
    .replace(/^Option nodes\[(\d+)\]/, (_, place) => `Node ${Number(place) + 1}`)
    .replace(OPTIONS_OF_A_PROGRAM, '');
  const advice = ADVICE.find(([pattern]) => pattern.test(message))?.[1];
  return advice === undefined ? message : `${message}\n${advice}`;
}
