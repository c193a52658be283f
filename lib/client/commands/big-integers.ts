/** The type of integers in replies: a number if it holds them exactly, or always a bigint. */
export type IntegerType = 'number' | 'bigint';

/**
 * Returns a reply in which every integer is a bigint. Changes its lists and Maps in place, as nobody else has
 * them.
 */
export function withBigIntegers(reply: unknown): unknown {
  if (!isContainer(reply)) return converted(reply);
  // no recursion, because a script can nest its reply to any depth
  const containers: Container[] = [reply];
  for (let container = containers.pop(); container !== undefined; container = containers.pop()) {
    for (const [key, value] of container.entries()) {
      if (isContainer(value)) containers.push(value);
      else if (typeof value === 'number') put(container, key, converted(value));
    }
  }
  return reply;
}

type Container = unknown[] | Map<unknown, unknown>;

const isContainer = (value: unknown): value is Container => Array.isArray(value) || value instanceof Map;

const converted = (value: unknown): unknown => (Number.isInteger(value) ? BigInt(value as number) : value);

function put(container: Container, key: unknown, value: unknown): void {
  if (container instanceof Map) container.set(key, value);
  else container[key as number] = value;
}
