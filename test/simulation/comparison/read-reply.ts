/** A reply in words of one line, and the index behind it. */
export interface ReadReply {
  readonly text: string;
  readonly end: number;
}

const SIGNS: Readonly<Record<string, string>> = { '*': '', '~': 'set', '>': 'push', '%': 'map' };

/** Reads a reply in RESP2 or RESP3. Returns `undefined` if it is not all there. */
export function readReply(bytes: string, start: number): ReadReply | undefined {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd === -1) return undefined;
  const sign = bytes[start];
  const line = bytes.slice(start + 1, lineEnd);
  const end = lineEnd + 2;
  const count = Number(line);
  if (count < 0 || '+-:_,#('.includes(sign)) return { text: sign + line, end };
  if (sign in SIGNS) return readItems(bytes, end, SIGNS[sign], sign === '%' ? 2 * count : count);
  const behind = end + count + 2;
  return behind > bytes.length
    ? undefined
    : { text: JSON.stringify(bytes.slice(end, behind - 2)), end: behind };
}

function readItems(bytes: string, start: number, name: string, count: number): ReadReply | undefined {
  const items: string[] = [];
  let end = start;
  while (items.length < count) {
    const item = readReply(bytes, end);
    if (item === undefined) return undefined;
    items.push(item.text);
    end = item.end;
  }
  return { text: `${name}[${items.join(',')}]`, end };
}
