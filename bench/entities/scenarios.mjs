import { change, newLine } from './model.mjs';

const MANY = 100;
/** Where the numbers of new lines begin, behind those that are loaded. */
const FIRST_NEW = 1_000_000;

/**
 * Operations, each of a name that the line store has as a method. `act(store, lines, n)` does the n-th, of lines that no
 * operation has that runs at the same time. So many run at once, `callers`; so many are counted for the costs of one.
 */
export const scenarios = [
  {
    name: 'insert',
    title: 'insert',
    uses: 'insert',
    callers: [1, 50],
    counted: 100,
    act: (store, _, n) => store.insert(newLine(FIRST_NEW + n)),
  },
  {
    name: 'save',
    title: 'save',
    uses: 'save',
    callers: [1, 50],
    counted: 100,
    act: (store, { pool }, n) => {
      const line = pool[n % pool.length];
      return store.save(line, change(line));
    },
  },
  {
    name: 'patch',
    title: 'patch',
    uses: 'patch',
    callers: [1, 50],
    counted: 100,
    act: (store, { found }, n) => store.patch(found[n % found.length], n),
  },
  {
    name: 'findOne',
    title: 'findOne',
    uses: 'findOne',
    callers: [1, 50],
    counted: 100,
    act: (store, { found }, n) => store.findOne(found[n % found.length]),
  },
  {
    name: 'findMany',
    title: `findMany(${MANY})`,
    uses: 'findMany',
    callers: [1, 10],
    counted: 5,
    act: (store, { pool }, n) => {
      const start = (n * MANY) % pool.length;
      return store.findMany(pool.slice(start, start + MANY));
    },
  },
  {
    name: 'findBy',
    title: 'findBy, 100 hits',
    uses: 'findBy',
    callers: [1, 10],
    counted: 5,
    act: (store, { found }, n) => store.findBy(found[n % found.length].orderId, 'open'),
  },
  {
    name: 'saveMany',
    title: 'saveMany(1000)',
    uses: 'saveMany',
    callers: [1],
    counted: 1,
    act: (store, { pool }) => store.saveMany(pool.map((line) => ({ line, before: change(line) }))),
  },
  {
    name: 'transaction',
    title: 'transaction of two',
    uses: 'move',
    callers: [1, 50],
    counted: 50,
    act: (store, { pairs }, n) => {
      const half = pairs.length / 2;
      return store.move(pairs[n % half], pairs[(n % half) + half]);
    },
  },
];
