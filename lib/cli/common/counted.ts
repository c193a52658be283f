/** Returns a number with its noun: `1 primary`, `3 primaries`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
