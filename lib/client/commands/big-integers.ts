/** Which type integers of replies have: a number where it holds them exactly, or always a bigint. */
export type IntegerType = 'number' | 'bigint';

/** A reply in which every integer is a bigint. Lists and Maps in it are changed in place: they are nobody else's. */
export function withBigIntegers(reply: unknown): unknown {
  if (!isContainer(reply)) return converted(reply);
  // a list of its own rather than recursion: servers nest replies as deep as a script likes
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
