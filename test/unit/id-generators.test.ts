import { idGenerator, ulid, uuidv7 } from '../../lib/entity/decorators/id-generators.js';

it.each([
  ['ulid', ulid, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/],
  ['uuidv7', uuidv7, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
] as const)('ids of %s sort in the order in which a process generates them', (name, make, shape) => {
  const before = Date.now();
  const ids = Array.from({ length: 5_000 }, make);
  expect(ids.filter((id) => !shape.test(id))).toEqual([]);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(idGenerator(name)()).toMatch(shape);
  if (name === 'uuidv7')
    expect(parseInt(ids[0].replace('-', '').slice(0, 12), 16)).toBeGreaterThanOrEqual(before);
});
