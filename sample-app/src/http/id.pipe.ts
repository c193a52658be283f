import { type ArgumentMetadata, BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';
import { id } from './field.js';

/** Lets an id in the path through. */
@Injectable()
export class IdPipe implements PipeTransform<unknown, string> {
  transform(value: unknown, { data: name }: ArgumentMetadata): string {
    if (!id.fits(value)) throw new BadRequestException([`${name} must be ${id.expects}`]);
    return value;
  }
}
