import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { InvalidArgumentError } from '../../cluster/common/errors.js';

/** Where the files are, seen from the ES module of this entry point, from its CommonJS, and from this file. */
const FOLDERS = ['./assets/', '../../dashboard/assets/', '../assets/'];
const PAGE = 'page.html';
/** Where the page has the path of its files. */
const BASE = /\{\{base\}\}/g;

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
};

/** A file as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

/** The page and its files, found by their names in whatever folder. They are read once, so that a missing one is found when the application starts. */
@Injectable()
export class PageFiles {
  private readonly files = new Map<string, PageFile>();
  private readonly page: string;

  /** @throws InvalidArgumentError if the files are not where this package has them */
  constructor() {
    const folder = findFolder();
    this.page = readFileSync(`${folder}${PAGE}`, 'utf8');
    for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const type = TYPES[extname(path)];
      if (type !== undefined)
        this.files.set(basename(path), { type, text: readFileSync(folder + path, 'utf8') });
    }
  }

  /** Returns a file by its name; undefined if there is none. */
  find(name: string): PageFile | undefined {
    return this.files.get(name);
  }

  /**
   * Returns the page. All its URLs are relative, so that it works wherever the application is mounted.
   * @param url the URL of the request, as the client sent it
   */
  pageAt(url: string): string {
    const [path] = url.split('?', 1);
    const last = path.slice(path.lastIndexOf('/') + 1);
    const base = last === '' ? '' : `${last}/`;
    return this.page.replace(BASE, base.replaceAll(/[^\w./%~-]/g, encodeURIComponent));
  }
}

function findFolder(): string {
  for (const folder of FOLDERS) {
    const path = fileURLToPath(new URL(folder, import.meta.url));
    try {
      readFileSync(`${path}${PAGE}`);
      return path;
    } catch {
      // not here
    }
  }
  throw new InvalidArgumentError(
    'dashboard',
    'The files of the dashboard are missing beside keyslot/dashboard. If you bundle your application, keep the package ' +
      'keyslot out of the bundle (external)',
  );
}
