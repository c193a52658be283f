/** Options of `findOne`, `findOneOrFail` and `findMany`. */
export interface FindOptions<Names extends string = never> {
  /** The relations to load, in the same round trip. */
  with?: readonly Names[] | undefined;
  /** Returns the row also if it is deleted softly; related rows that are deleted are left out. */
  withDeleted?: boolean | undefined;
  /**
   * Reads the row through the cache of the client, if its class allows that (`@ClusterEntity({ cache })`): `true`, or how
   * old a kept row may be. Excludes `with` and `select`.
   */
  cache?: boolean | { maxAgeMs: number } | undefined;
}
