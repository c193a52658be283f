import { InvalidPayloadError } from '../common/pubsub-errors.js';
import type { MessageCodec } from './message-codec.js';
import { isThenable } from '../common/thenable.js';

/**
 * A validator of any library that follows Standard Schema (zod, valibot, arktype, …), as far as it is used here.
 * @see {@link https://standardschema.dev | Standard Schema}
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Gives the value, as the schema makes it, or what is wrong with it. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** A value, or what is wrong with it. */
type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Whether something follows Standard Schema. Some validators are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const { '~standard': standard } = value as Partial<StandardSchema>;
  return typeof standard?.validate === 'function';
}

/**
 * Payloads that a schema checks on top of what another codec reads and writes. What is published is validated as well,
 * and sent as it was given: what a schema turns it into is for those who receive it.
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
