import { UnsupportedServerFeatureError } from '../../cluster/common/errors.js';
import type { EntityClient } from '../common/entity-client.js';
import type { EntitySchema } from '../schema/entity-schema.js';
import { FIELD_EXPIRY_NEEDS } from '../scripts/script-caller.js';

/**
 * Checks that all primaries can let fields expire, if a class needs that. A user who may not run COMMAND learns it from
 * the first write.
 * @throws UnsupportedServerFeatureError
 */
export async function checkFieldExpiry(
  client: EntityClient,
  schemas: readonly EntitySchema[],
): Promise<void> {
  const [first] = schemas.flatMap(({ name, lifetimes }) =>
    [...(lifetimes?.keys() ?? [])].map((one) => `${name}.${one}`),
  );
  if (first === undefined) return;
  const replies = await client
    .target('primaries')
    .call('COMMAND', 'INFO', 'HPEXPIRE')
    .catch(() => undefined);
  if (!(replies instanceof Map)) return;
  const lacks = [...replies].find(
    ([, reply]) => Array.isArray(reply) && reply.length > 0 && reply[0] === null,
  );
  if (lacks === undefined) return;
  throw new UnsupportedServerFeatureError(
    `The ttl of ${first}`,
    `${FIELD_EXPIRY_NEEDS}; ${lacks[0]} is older`,
  );
}
