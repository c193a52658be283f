/** The field with the encoding of a property, as the indexes of the row have it. */
export const encodingField = (property: string): string => `~i:${property}`;

/**
 * The field that says that a property with a default value was removed. A row that was stored before the class had the
 * property lacks it, and has the default.
 */
export const removedField = (property: string): string => `~n:${property}`;
