import type { DataNames, KeyNames } from './shape.js';

/** Marks what was read with `select`. It is not enumerable, so it is neither logged, compared nor serialized. */
export const SELECTED: unique symbol = Symbol('keyslot.selected');

/** The properties that `select` can name: those of the row, without methods, collections and relations. */
export type SelectableNames<E> = DataNames<E>;

/**
 * Some properties of a row, as `select` reads them: those it names, and those of the key that the entity's `Shape`
 * names. It is a frozen plain object, without the methods of the class, and no write accepts it.
 */
export type Selected<E, Names extends keyof E> = Readonly<Pick<E, Names | KeyNames<E>>> & {
  readonly [SELECTED]: true;
};

/** What a read gives: with `select` the named properties, else the entity, or the entity with relations. */
export type Found<E, Names extends keyof E, Whole = E> = [Names] extends [never] ? Whole : Selected<E, Names>;

/** Keeps what was read with `select` out of the arguments of writes. */
export interface Unselected {
  readonly [SELECTED]?: never;
}

/** The option of reads that name the properties to read. */
export interface SelectOptions<Names> {
  /**
   * The properties to read, besides those of the key. The result is a frozen plain object that no write accepts; use
   * `update()` to change such a row.
   */
  select?: readonly Names[] | undefined;
}

/** Returns whether an object was read with `select`. */
export const isSelected = (given: object): boolean => Object.hasOwn(given, SELECTED);
