import { type Random, seededRandom } from '../keyspace/random.js';
import { libraryOf, numberArgument } from './library.js';
import { type LuaTable, LuaError, type LuaFunction } from '../lua/lua-value.js';

const ofOne =
  (compute: (value: number) => number): LuaFunction =>
  (value) => [compute(numberArgument(value, 1))];

const ofTwo =
  (compute: (one: number, other: number) => number): LuaFunction =>
  (one, other) => [compute(numberArgument(one, 1), numberArgument(other, 2))];

const ofMany =
  (compute: (...values: number[]) => number): LuaFunction =>
  (...values) => [compute(...values.map((value, i) => numberArgument(value, i + 1)))];

/** Random numbers that begin anew with each script, as those of a server do. */
export class ScriptRandom {
  next: Random = seededRandom(0);

  restart(seed = 0): void {
    this.next = seededRandom(seed);
  }
}

/** Returns the `math` library. */
export function mathLibrary(random: ScriptRandom): LuaTable {
  return libraryOf({
    abs: ofOne(Math.abs),
    ceil: ofOne(Math.ceil),
    cos: ofOne(Math.cos),
    deg: ofOne((radians) => (radians * 180) / Math.PI),
    exp: ofOne(Math.exp),
    floor: ofOne(Math.floor),
    fmod: ofTwo((one, other) => one % other),
    huge: Infinity,
    log: ofOne(Math.log),
    log10: ofOne(Math.log10),
    max: ofMany(Math.max),
    min: ofMany(Math.min),
    modf: (value) => {
      const number = numberArgument(value, 1);
      return [Math.trunc(number), number - Math.trunc(number)];
    },
    pi: Math.PI,
    pow: ofTwo((one, other) => one ** other),
    rad: ofOne((degrees) => (degrees * Math.PI) / 180),
    random: (...bounds) => {
      if (bounds.length === 0) return [random.next()];
      const low = bounds.length > 1 ? numberArgument(bounds[0], 1) : 1;
      const high = numberArgument(bounds[bounds.length - 1], bounds.length);
      if (high < low) throw new LuaError("bad argument to 'random' (interval is empty)");
      return [low + Math.floor(random.next() * (high - low + 1))];
    },
    randomseed: (seed) => {
      random.restart(numberArgument(seed, 1));
      return [];
    },
    sin: ofOne(Math.sin),
    sqrt: ofOne(Math.sqrt),
    tan: ofOne(Math.tan),
  });
}
