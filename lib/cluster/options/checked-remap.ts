import { describeKind } from '../common/describe-value.js';
import { InvalidArgumentError } from '../common/errors.js';
import type { AddressRemap } from '../topology/slots-reply.js';
import { nodeName, type NodeAddress } from '../topology/topology.js';

/** Returns the same function, which throws InvalidArgumentError if the application's returns no address. */
export const checkedRemap =
  (remap: AddressRemap): AddressRemap =>
  (address) => {
    const mapped: unknown = remap(address);
    if (isAddress(mapped)) return mapped;
    throw new InvalidArgumentError(
      'addressRemap',
      `addressRemap must return { host, port } for ${nodeName(address)}, got ${describeKind(mapped)}. ` +
        'Return the address itself if it needs no mapping',
    );
  };

function isAddress(value: unknown): value is NodeAddress {
  const { host, port } = (value ?? {}) as Partial<NodeAddress>;
  return typeof host === 'string' && host !== '' && Number.isInteger(port) && port! >= 1 && port! <= 65_535;
}
