import { BadRequestException, type PipeTransform } from '@nestjs/common';
import type { Field } from './field.js';

/** The fields of a body, by name. */
export type Fields<T> = { readonly [Name in keyof T]: Field<T[Name]> };

/** Lets a JSON body through that has exactly these fields, or says all that is wrong with it. */
export class BodyPipe<T extends object> implements PipeTransform<unknown, T> {
  constructor(private readonly fields: Fields<T>) {}

  transform(body: unknown): T {
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new BadRequestException(['the body must be a JSON object, with content-type: application/json']);
    const given = new Map<string, unknown>(Object.entries(body));
    const faults: string[] = [];
    for (const [name, field] of Object.entries<Field<unknown>>(this.fields)) {
      if (!field.fits(given.get(name))) faults.push(`${name} must be ${field.expects}`);
      given.delete(name);
    }
    // A misspelt name is better refused than overlooked.
    if (given.size > 0) faults.push(`there are no fields but ${Object.keys(this.fields).join(', ')}`);
    if (faults.length > 0) throw new BadRequestException(faults);
    return body as T;
  }
}
