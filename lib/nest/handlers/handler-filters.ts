import type { ArgumentsHost, Type } from '@nestjs/common';

/** A filter that Nest has found for a handler. */
interface FoundFilter {
  readonly func: (exception: unknown, host: ArgumentsHost) => unknown;
  /** The classes it catches; none stands for all. */
  readonly exceptionMetatypes: readonly Type[];
}

/** What Nest calls with what a handler throws. */
export interface ExceptionHandling {
  next(exception: unknown, host: ArgumentsHost): unknown;
}

/**
 * Nest's own handling outside of requests logs each error with all its properties, and takes a filter that returns
 * nothing for one that did not handle the error. Here a filter that matches has handled it, as for a request. What no
 * filter matches is thrown, for the one log line that a failed handler gets.
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
