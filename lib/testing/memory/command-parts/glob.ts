/** Returns an expression that matches what a glob of a server matches: `*`, `?`, `[a-c]`, `[^a]` and `\`. */
export function globExpression(glob: string): RegExp {
  let source = '';
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at];
    if (char === '*') source += '[^]*';
    else if (char === '?') source += '[^]';
    else if (char === '\\' && at + 1 < glob.length) source += literal(glob[++at]);
    else if (char === '[') {
      const end = endOfClass(glob, at);
      source += classOf(glob.slice(at + 1, end));
      at = end;
    } else source += literal(char);
  }
  return new RegExp(`^${source}$`);
}

const literal = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;

function endOfClass(glob: string, from: number): number {
  let at = from + 1;
  while (at < glob.length && glob[at] !== ']') at += glob[at] === '\\' ? 2 : 1;
  return Math.min(at, glob.length);
}

function classOf(text: string): string {
  const isNegated = text.startsWith('^');
  let members = '';
  for (let at = isNegated ? 1 : 0; at < text.length; at++) {
    if (text[at] === '\\' && at + 1 < text.length) at++;
    const [low, dash, high] = [text[at], text[at + 1], text[at + 2]];
    if (dash === '-' && high !== undefined) {
      const [from, to] = low <= high ? [low, high] : [high, low];
      members += `${literal(from)}-${literal(to)}`;
      at += 2;
    } else members += literal(low);
  }
  if (members === '') return isNegated ? '[^]' : '[]';
  return `[${isNegated ? '^' : ''}${members}]`;
}
