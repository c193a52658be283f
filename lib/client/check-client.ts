import { InvalidArgumentError } from '../cluster/common/errors.js';
import { describeKind } from '../cluster/common/describe-value.js';
import { notOurs } from '../cluster/common/package-copies.js';
import { ClusterClient } from './cluster-client.js';

/**
 * Checks that an argument is a client of this copy of the package.
 * @param argument the name of the argument
 * @param user what needs the client, for the error
 * @throws InvalidArgumentError
 */
export function checkClient(client: unknown, argument: string, user: string): void {
  if (client instanceof ClusterClient) return;
  throw new InvalidArgumentError(
    argument,
    notOurs(client, `${user} needs a ClusterClient, got ${describeKind(client)}. Pass the client itself.`),
  );
}
