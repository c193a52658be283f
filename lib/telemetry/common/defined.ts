import type { Attributes } from '@opentelemetry/api';

/** Returns the attributes that have a value: exporters would write `undefined` as an empty text. */
export function defined(attributes: Attributes): Attributes {
  const present: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) present[name] = value;
  return present;
}
