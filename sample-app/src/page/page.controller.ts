import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { Controller, Get, Header, NotFoundException, Param, StreamableFile } from '@nestjs/common';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

const ASSETS = ['page.css', 'cluster.css', 'app.js', 'cluster.js', 'dom.js', 'shop.js'];

const read = (file: string): Buffer => readFileSync(new URL(`../../public/${file}`, import.meta.url));

/** The shop window. */
@Controller()
export class PageController {
  private readonly html = read('index.html').toString();
  private readonly assets = new Map(ASSETS.map((file) => [file, read(file)]));

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page(): string {
    return this.html;
  }

  @Get('assets/:file')
  @Header('Cache-Control', 'no-cache')
  asset(@Param('file') file: string): StreamableFile {
    const content = this.assets.get(file);
    if (!content) throw new NotFoundException(`There is no file ${file}`);
    return new StreamableFile(content, { type: TYPES[extname(file)] });
  }
}
