/** A condition on a property: a value, or operators, all of which must hold. For an array, only operators. */
export type Condition<Value> = [Value] extends [readonly (infer Element)[]]
  ? ElementOperators<Element>
  : Value | Operators<Value>;

/** Operators for arrays. */
export type ElementOperators<Element> =
  /** Has this element. It needs an index with `elements`. */
  | { readonly contains: NonNullable<Element>; readonly isNull?: never }
  | { readonly isNull: boolean; readonly contains?: never };

interface AnyOperator<Value> {
  /**
   * Exactly this value; it cannot be combined with other operators. Unlike the bare value, it is never read as
   * operators: use it for untrusted values, such as those of a parsed request body.
   */
  readonly eq?: Value;
  readonly gt?: Value;
  readonly gte?: Value;
  readonly lt?: Value;
  readonly lte?: Value;
  /** From the first value to the second, both included. */
  readonly between?: readonly [Value, Value];
  /** Only for strings without an enum or a transformer. */
  readonly startsWith?: string extends Value ? string : never;
  /** Any of these values; it cannot be combined with other operators. */
  readonly in?: readonly Value[];
  /** Any other value. Rows without a value are not found. */
  readonly not?: Value;
  /** None of these values. Rows without a value are not found. */
  readonly notIn?: readonly Value[];
  /**
   * Whether the row has no value. `true` needs an index with `nulls`. It cannot be combined with other operators.
   */
  readonly isNull?: boolean;
  /**
   * Compares without regard to case. It needs an index with `caseInsensitive`. Only for strings without an enum or a
   * transformer.
   */
  readonly ignoreCase?: string extends Value ? boolean : never;
}

type Alone<
  Value,
  Name extends 'eq' | 'in' | 'isNull',
  Beside extends keyof AnyOperator<Value> = never,
> = Required<Pick<AnyOperator<Value>, Name>> &
  Pick<AnyOperator<Value>, Beside> & {
    readonly [Other in Exclude<keyof AnyOperator<Value>, Name | Beside>]?: never;
  };

/** Operators of a query. Any object other than a Date, Buffer or array is read as operators, wherever it came from. */
export type Operators<Value> =
  | Alone<Value, 'eq', 'ignoreCase'>
  | Alone<Value, 'in', 'ignoreCase'>
  | Alone<Value, 'isNull'>
  | (Omit<AnyOperator<Value>, 'eq' | 'in' | 'isNull'> & {
      readonly eq?: never;
      readonly in?: never;
      readonly isNull?: never;
    });
