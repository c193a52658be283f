import type { Provider } from '@nestjs/common';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

/** What a module has that a method such as `forRoot()` has made, and the bare class among imports lacks. */
export const CONFIGURED = Symbol('keyslot.configured');

/** @see CONFIGURED */
export const configured: Provider = { provide: CONFIGURED, useValue: true };

/**
 * Rejects the bare class of a module among imports, which would silently do nothing.
 * @param isConfigured what is injected as `CONFIGURED`
 * @throws InvalidArgumentError
 */
export function refuseBare(isConfigured: boolean | undefined, module: string, remedy: string): void {
  if (isConfigured === true) return;
  throw new InvalidArgumentError('imports', `The import ${module} alone does nothing: ${remedy}`);
}
