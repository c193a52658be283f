import type { ArgumentsHost, Type } from '@nestjs/common';

/** An exception filter that Nest has found for a handler. */
interface FoundFilter {
  readonly func: (exception: unknown, host: ArgumentsHost) => unknown;
  /** The classes it catches; an empty list means all. */
  readonly exceptionMetatypes: readonly Type[];
}

/** What Nest calls with an exception of a handler. */
export interface ExceptionHandling {
  next(exception: unknown, host: ArgumentsHost): unknown;
}

/**
 * Outside of requests, Nest logs each error with all its properties, and assumes that a filter which returns
 * nothing did not handle the error. Here a matching filter has handled the error, as for a request. An error
 * that no filter matches is thrown, and logged as one line.
 */
export function withRequestSemantics(found: ExceptionHandling): ExceptionHandling {
  const { filters } = found as ExceptionHandling & { readonly filters?: readonly FoundFilter[] };
  if (!Array.isArray(filters)) return found;
  return {
    next: (exception, host) => {
      const filter = filters.find((one) => matchesException(one, exception));
      if (filter === undefined) throw exception;
      return filter.func(exception, host);
    },
  };
}

function matchesException({ exceptionMetatypes }: FoundFilter, exception: unknown): boolean {
  return exceptionMetatypes.length === 0 || exceptionMetatypes.some((type) => exception instanceof type);
}
