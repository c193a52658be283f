import { FORMS, type Move, placesOf } from './property-move.js';
import type { SchemaDefinition } from './schema-definition.js';

/** Returns the moves of which rows may still store a property as before. */
export function openMoves(
  stored: SchemaDefinition,
  given: SchemaDefinition,
  moves: readonly Move[],
): string[] {
  const known = stored.moves ?? [];
  const begun = moves.filter(
    ({ name, from, to }) =>
      !known.includes(name) &&
      Object.hasOwn(stored.properties, from) &&
      (from !== to || isConverted(stored, given, to)),
  );
  // A program of an older version stores the property as before.
  const reopened = known.filter((name) => {
    const [to, from] = placesOf(name);
    return to !== from && Object.hasOwn(given.properties, from) && !Object.hasOwn(given.properties, to);
  });
  return [...begun.map(({ name }) => name), ...reopened];
}

const isConverted = (stored: SchemaDefinition, given: SchemaDefinition, property: string): boolean =>
  stored.properties[property] !== given.properties[property];

/**
 * Returns the faults of a class that would not find values where its rows store them.
 *
 * @param fixed the properties that cannot be renamed.
 */
export function moveFaults(
  stored: SchemaDefinition,
  given: SchemaDefinition,
  moves: readonly Move[],
  open: Iterable<string>,
  dropped: readonly string[],
  fixed: readonly (string | undefined)[],
): string[] {
  const has = (definition: SchemaDefinition, property: string): boolean =>
    Object.hasOwn(definition.properties, property);
  const faults: string[] = [];
  for (const { from, to, form } of moves) {
    const before = has(stored, from) ? stored.properties[from] : form;
    if (from !== to && before !== form)
      faults.push(
        `${to} has renamedFrom: '${from}', which was stored as ${before}, and ${to} is ${form}: convertFrom converts it`,
      );
  }
  for (const name of open) {
    const [to, from] = placesOf(name);
    const isWithout = !moves.some((move) => move.name === name) && has(given, to);
    if (isWithout && from === to && given.properties[to] === stored.properties[to])
      faults.push(`rows may still store ${to} in its former type: keep convertFrom until migrate() is done`);
    if (isWithout && from !== to && !has(given, from))
      faults.push(
        `rows may still store ${to} as ${from}: keep renamedFrom: '${from}' until migrate() is done`,
      );
  }
  const declared = new Set(moves.flatMap(({ from, to }) => [from, to]));
  const lost = Object.entries(stored.properties).filter(
    ([name, form]) =>
      FORMS.has(form) &&
      ![...(stored.gone ?? []), ...dropped].includes(name) &&
      !has(given, name) &&
      !declared.has(name),
  );
  for (const [name, form] of Object.entries(given.properties)) {
    const [former] = lost.find(([, before]) => before === form) ?? [];
    if (former === undefined || has(stored, name) || declared.has(name)) continue;
    const rename = fixed.includes(name)
      ? `name it ${former} again to keep its values, because only a @Property() can be renamed`
      : `declare @Property({ renamedFrom: '${former}' }) on ${name} to keep its values`;
    faults.push(
      `${name} is new and ${former}, of the same form, is gone: ${rename}, or ` +
        `@ClusterEntity({ dropped: ['${former}'] }) if they are not related`,
    );
  }
  return faults;
}
