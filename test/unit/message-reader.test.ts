import { ReplyParser } from '../../lib/cluster/protocol/reply-parser.js';
import type { ReplyHandler } from '../../lib/cluster/protocol/reply-handler.js';
import type { Reply } from 'keyslot';
import { readConfirmations } from '../../lib/pubsub/links/confirmation.js';
import { MessageReader } from '../../lib/pubsub/links/message-reader.js';
import { IncomingMessage } from '../../lib/pubsub/subscriptions/incoming-message.js';

const bulk = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
};
const push = (...items: (string | Buffer)[]): Buffer =>
  Buffer.concat([Buffer.from(`>${items.length}\r\n`), ...items.map(bulk)]);

const STREAM = Buffer.concat([
  push('message', 'news', 'plain'),
  push('smessage', '{a}', ''),
  push('pmessage', 'n*', 'news', 'größer'),
  Buffer.from('+PONG\r\n'),
  push('message', 'ñ', Buffer.from([0xff, 0x00, 0x0d, 0x0a])),
  Buffer.from('>3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n'),
  push('message', 'long', 'x'.repeat(300)),
  push('message', 'news', '\u{fffd}'),
]);

/** What a stream in these pieces becomes: messages read in place, or as the parser does by itself. */
function decoded(pieces: readonly Buffer[], inPlace: boolean): unknown[] {
  const seen: unknown[] = [];
  const reader = new MessageReader();
  const message = new IncomingMessage();
  const handler: ReplyHandler = {
    wantsBuffers: () => false,
    onReply: (reply) => void seen.push(reply),
    onPush: (items: Reply[]) => void seen.push(items.map(String)),
  };
  if (inPlace) {
    handler.readPush = (bytes, start, count, ascii) => {
      const end = reader.read(bytes, start, count, ascii, message);
      if (end === -1) return -1;
      const name = bytes.toString('utf8', reader.nameStart, reader.nameEnd);
      const channel = reader.word === 'pmessage' ? [message.channelText()] : [];
      seen.push([reader.word, name, ...channel, String(message.payload())]);
      return end;
    };
  }
  const parser = new ReplyParser(handler);
  for (const piece of pieces) parser.write(Buffer.from(piece));
  return seen;
}

describe('messages read in place', () => {
  const expected = decoded([STREAM], false);

  it('are those that the parser reads', () => {
    expect(expected).toHaveLength(8);
    expect(decoded([STREAM], true)).toEqual(expected);
  });

  it('wherever the stream is cut', () => {
    for (let at = 1; at < STREAM.length; at++) {
      expect(decoded([STREAM.subarray(0, at), STREAM.subarray(at)], true)).toEqual(expected);
    }
    const bytes = Array.from(STREAM, (byte) => Buffer.from([byte]));
    expect(decoded(bytes, true)).toEqual(expected);
  });

  it.each([
    ['a word that only begins like one', 'messages', 'a', 'b'],
    ['a push about something else', 'invalidate', 'key', 'x'],
    ['a string whose header is no number', '$7\r\nmessage\r\n$x\r\na\r\n$1\r\nb\r\n'],
    ['a string without a length', '$7\r\nmessage\r\n$\r\na\r\n$1\r\nb\r\n'],
    ['a string that ends elsewhere', '$7\r\nmessage\r\n$1\r\nabc\r\n$1\r\nb\r\n'],
  ])('leave %s to the parser', (_, ...items) => {
    const bytes = items.length === 1 ? Buffer.from(items[0]) : Buffer.concat(items.map(bulk));
    expect(new MessageReader().read(bytes, 0, 3, true, new IncomingMessage())).toBe(-1);
  });
});

it('leaves a message with more items than it knows to the parser', () => {
  const bytes = Buffer.concat(['message', 'a', 'b', 'c'].map(bulk));
  expect(new MessageReader().read(bytes, 0, 4, true, new IncomingMessage())).toBe(-1);
});

describe('IncomingMessage', () => {
  const begun = (payload: Buffer, ascii = false): IncomingMessage => {
    const message = new IncomingMessage();
    message.begin(payload, 0, payload.length, ascii);
    return message;
  };

  it('returns text, and rejects what is none', () => {
    expect(begun(Buffer.from('abc'), true).text()).toBe('abc');
    expect(begun(Buffer.from('ä\u{fffd}')).text()).toBe('ä\u{fffd}');
    expect(() => begun(Buffer.from([0x61, 0xff])).text()).toThrow(
      new TypeError('The payload is not valid UTF-8'),
    );
  });

  it('returns bytes that outlive those it was read from', () => {
    const bytes = Buffer.from('abc');
    const message = begun(bytes);
    const [shared, own] = [message.payload(), message.payloadCopy()];
    bytes.fill('x');
    expect([String(shared), String(own)]).toEqual(['abc', 'abc']);
    expect(message.payload()).toBe(shared);
    expect(own).not.toBe(shared);
  });
});

/** What is read of these bytes for a command that names these channels: the index behind it, and how many it confirms. */
function confirmations(bytes: Buffer, word: string, ...names: string[]): [end: number, confirmed: number] {
  const command = { word, names, confirmed: 0, resolve: () => {}, reject: () => {} };
  const end = readConfirmations(bytes, 0, command);
  return [end, command.confirmed];
}

const confirmationOf = (name: string, count: number): string =>
  `$9\r\nsubscribe\r\n$${name.length}\r\n${name}\r\n:${count}\r\n`;

describe('readConfirmations', () => {
  const bytes = Buffer.from(`${confirmationOf('news', 12)}+`);

  it('returns the index behind the confirmation that is expected', () => {
    expect(confirmations(bytes, 'subscribe', 'news')).toEqual([bytes.length - 1, 1]);
    expect(confirmations(bytes, 'subscribe', 'news', 'weather')).toEqual([bytes.length - 1, 1]);
  });

  it('reads those that follow each other, up to a message between them', () => {
    const names = Array.from({ length: 50 }, (_, i) => `channel ${i}`);
    const two = [confirmationOf(names[0], 9), confirmationOf(names[1], 10)].join('>3\r\n');
    const message = '>3\r\n$7\r\nmessage\r\n$9\r\nchannel 0\r\n$2\r\nhi\r\n';
    const third = `>3\r\n${confirmationOf(names[2], 11)}`;
    expect(confirmations(Buffer.from(two + message + third), 'subscribe', ...names)).toEqual([two.length, 2]);
    const all = names.map((name, i) => confirmationOf(name, i)).join('>3\r\n');
    expect(confirmations(Buffer.from(all), 'subscribe', ...names)).toEqual([all.length, 50]);
    expect(confirmations(Buffer.from(all + third), 'subscribe', ...names)).toEqual([all.length, 50]);
  });

  it('reads names of any length', () => {
    const long = 'n'.repeat(100_000);
    const [short, whole] = [confirmationOf('short', 1), confirmationOf(long, 2)];
    expect(confirmations(Buffer.from(whole), 'subscribe', long)).toEqual([whole.length, 1]);
    const both = Buffer.from(`${short}>3\r\n${whole}`);
    expect(confirmations(both, 'subscribe', 'short', long)).toEqual([short.length, 1]);
  });

  it.each([
    ['another word', bytes, 'psubscribe', 'news'],
    ['another name', bytes, 'subscribe', 'newt'],
    ['a longer name', bytes, 'subscribe', 'newsy'],
    ['another word of the same length', bytes, 'subscribd', 'news'],
    [
      'something behind the name that is no number',
      Buffer.from('$9\r\nsubscribe\r\n$4\r\nnews\r\n$1\r\nx\r\n'),
      'subscribe',
      'news',
    ],
    ...Array.from({ length: bytes.length - 1 }, (_, end): [string, Buffer, string, string] => [
      `a confirmation of which ${end} bytes are there`,
      bytes.subarray(0, end),
      'subscribe',
      'news',
    ]),
  ])('returns -1 for %s', (_, given, word, name) => {
    expect(confirmations(given, word, name)).toEqual([-1, 0]);
  });
});
