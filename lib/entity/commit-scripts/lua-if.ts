/**
 * Returns Lua that creates its functions only if a condition holds. A server creates all functions of a script each time
 * the script runs. For some fifty functions, this takes longer than the commands of a plain write.
 *
 * @param lua top-level functions; anything else that it declares is visible only to them.
 */
export function luaIf(condition: string, lua: string): string {
  const names = [...lua.matchAll(/^local function (\w+)/gm)].map(([, name]) => name);
  return `local ${names.join(', ')}\nif ${condition} then\n${lua.replaceAll(/^local function /gm, 'function ')}\nend`;
}
