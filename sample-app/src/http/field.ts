/** What a value that came over HTTP must be. */
export interface Field<T> {
  /** Ends the sentence "title must be ...". */
  readonly expects: string;
  fits(value: unknown): value is T;
}

/** Text that is not blank. A lone surrogate is no character, and would be another one once stored. */
export const text = (longest: number): Field<string> => ({
  expects: `text of 1 to ${longest} characters`,
  fits: (value): value is string =>
    typeof value === 'string' &&
    value.length <= longest &&
    value.trim() !== '' &&
    !/\p{Surrogate}/u.test(value),
});

export const wholeNumber = (least: number, most: number): Field<number> => ({
  expects: `a whole number from ${least} to ${most}`,
  fits: (value): value is number =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
});

export const oneOf = <T extends string>(words: readonly T[]): Field<T> => ({
  expects: `one of ${words.join(', ')}`,
  fits: (value): value is T => words.some((word) => word === value),
});

/** An id as it stands in addresses, where "." and ".." are not names. The store itself would take any text. */
export const id: Field<string> = {
  expects: '1 to 64 letters, digits, "-", "_" or ".", and neither "." nor ".."',
  fits: (value): value is string => typeof value === 'string' && /^(?!\.{1,2}$)[\w.-]{1,64}$/.test(value),
};
