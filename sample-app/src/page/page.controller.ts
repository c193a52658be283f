import { readFileSync } from 'node:fs';
import { Controller, Get, Header } from '@nestjs/common';

/** The shop window. */
@Controller()
export class PageController {
  private readonly html = readFileSync(new URL('../../public/index.html', import.meta.url), 'utf8');

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return this.html;
  }
}
