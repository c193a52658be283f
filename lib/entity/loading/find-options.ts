/** Options of `findOne`, `findOneOrFail` and `findMany`. */
export interface FindOptions<Names extends string = never> {
  /** The relations to load, in the same round trip. */
  with?: readonly Names[] | undefined;
  /** Returns the row also if it is deleted softly; related rows that are deleted are left out. */
  withDeleted?: boolean | undefined;
}
