import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../docs-snippets.js';

const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file: `lib/${file}`, text: readFileSync(join(root, 'lib', file), 'utf8') }));

/** Template literals that hold Lua. */
const luaIn = (text: string): string[] =>
  [...text.matchAll(/`(?:\\.|[^`\\])*`/g)]
    .map(([literal]) => literal)
    .filter((literal) => /redis\.p?call|#!lua/.test(literal));

/** What is put into a text: `${…}`. */
const holesIn = (literal: string): string[] =>
  [...literal.matchAll(/\$\{([^}]*)\}/g)].map(([, hole]) => hole.trim());

describe('the Lua of the library', () => {
  it('is found by this test', () => {
    expect(sources.filter(({ text }) => luaIn(text).length > 0).length).toBeGreaterThan(10);
    expect(holesIn('`redis.call(${user})`')).toEqual(['user']);
  });

  it("consists of constants only, so a script never contains a user's value", () => {
    const strange = sources.flatMap(({ file, text }) =>
      luaIn(text)
        .flatMap(holesIn)
        .filter((hole) => !/^[A-Z][A-Z0-9_]*(\.\w+)?( \+ \d+)?$/.test(hole.replace('.length', '')))
        .map((hole) => `${file}: ${hole}`),
    );
    expect(strange).toEqual([]);
  });

  it('is not concatenated with text or generated at run time', () => {
    const made = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/new Script\(\s*(?![\s`]|String\.raw`)([^\s,;]*)/g)].map(
        ([, first]) => `${file}: ${first}`,
      ),
    );
    // the application's own scripts, and the same script with a flag
    expect(made.toSorted()).toEqual([
      'lib/client/commands/defined-commands.ts: lua',
      'lib/cluster/scripts/script-registry.ts: String(lua)))]',
      "lib/cluster/scripts/script.ts: this.lua.replace('#!lua'",
      "lib/cluster/scripts/script.ts: this.lua.replace('#!lua'",
    ]);
    const joined = sources.filter(({ text }) =>
      luaIn(text).some(
        (lua) => text.includes(`${lua} +`) || text.includes(`+ ${lua}`) || text.includes(`${lua}.replace`),
      ),
    );
    expect(joined.map(({ file }) => file)).toEqual([]);
  });
});
