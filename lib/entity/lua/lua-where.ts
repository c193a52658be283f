/**
 * Lua whose functions are made only where a condition holds. A server makes all functions of a script anew each time
 * it runs, which for some fifty of them takes longer than the commands of a plain write: what is seldom called is
 * seldom made.
 *
 * @param lua top-level functions; what else it declares is seen by them alone.
 */
export function luaWhere(condition: string, lua: string): string {
  const names = [...lua.matchAll(/^local function (\w+)/gm)].map(([, name]) => name);
  return `local ${names.join(', ')}\nif ${condition} then\n${lua.replaceAll(/^local function /gm, 'function ')}\nend`;
}
