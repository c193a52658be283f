import { InvalidPayloadError } from '../common/pubsub-errors.js';
import type { MessageCodec } from './message-codec.js';
import { isThenable } from '../common/thenable.js';

/**
 * A validator of any library that implements Standard Schema (zod, valibot, arktype, …), reduced to the part
 * used here.
 * @see {@link https://standardschema.dev | Standard Schema}
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Returns the value as the schema transforms it, or the issues. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** A valid value, or the issues of an invalid one. */
type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Returns whether a value implements Standard Schema. Some validators are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const { '~standard': standard } = value as Partial<StandardSchema>;
  return typeof standard?.validate === 'function';
}

/**
 * Creates a codec that validates values with a schema, on top of another codec. Published values are
 * validated and sent unchanged; receivers get the value that the schema transforms them into.
 */
export function schemaCodec<T>(
  { '~standard': { validate } }: StandardSchema<unknown, T>,
  base: MessageCodec,
): MessageCodec<T> {
  const validated = (value: unknown): T | PromiseLike<T> => {
    const result = validate(value);
    return isThenable(result) ? Promise.resolve(result).then(valueOrThrow) : valueOrThrow(result);
  };
  return {
    encode: (value) => {
      const fit = validated(value);
      return isThenable(fit) ? fit.then(() => base.encode(value)) : base.encode(value);
    },
    decode: (payload) => validated(base.decode(payload)),
  };
}

function valueOrThrow<T>(result: SchemaResult<T>): T {
  if (result.issues === undefined) return result.value;
  throw new InvalidPayloadError(result.issues.map(({ path = [] }) => path.map(segmentText).join('.')));
}

const segmentText = (segment: PropertyKey | { readonly key: PropertyKey }): string =>
  String(typeof segment === 'object' ? segment.key : segment);
