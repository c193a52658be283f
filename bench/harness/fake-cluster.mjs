// Nodes that answer CLUSTER SLOTS for a cluster of any size, and GET; in a process of its own, so that what is measured
// is the client's cost alone. Arguments: how many nodes, and `scattered` for slots that are dealt one by one.
import { createServer } from 'node:net';

const SLOTS = 16_384;
const HOST = '127.0.0.1';
const VALUE = 'x'.repeat(100);

const nodeCount = Number(process.argv[2]);
const scattered = process.argv[3] === 'scattered';
/** Half of the nodes are replicas, which nobody talks to. */
const primaryCount = nodeCount / 2;

const ports = [];
for (let i = 0; i < primaryCount; i++) ports.push(await listen(i));
let slotsReply = encodeSlots(0);

process.on('message', ({ version }) => {
  slotsReply = encodeSlots(version);
  process.send({ version });
});
process.on('disconnect', () => process.exit());
process.send({ ports });

function listen(index) {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => serve(socket, index));
    server.once('error', reject);
    server.listen(0, HOST, () => resolve(server.address().port));
  });
}

function serve(socket, index) {
  const answer = reader(index);
  socket.setEncoding('latin1');
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('data', (text) => {
    const replies = answer(text);
    if (replies !== '') socket.write(replies, 'latin1');
  });
}

/** Reads requests from text cut anywhere, and gives the replies. */
function reader(index) {
  let text = '';
  return (more) => {
    text += more;
    let replies = '';
    for (let parts = nextRequest(); parts !== undefined; parts = nextRequest())
      replies += replyTo(parts, index);
    return replies;
  };

  function nextRequest() {
    let end = text.indexOf('\r\n');
    if (end === -1) return undefined;
    const count = Number(text.slice(1, end));
    const parts = [];
    while (parts.length < count) {
      const lengthEnd = text.indexOf('\r\n', end + 2);
      if (lengthEnd === -1) return undefined;
      const start = lengthEnd + 2;
      const length = Number(text.slice(end + 3, lengthEnd));
      end = start + length;
      if (text.length < end + 2) return undefined;
      parts.push(text.slice(start, end));
    }
    text = text.slice(end + 2);
    return parts;
  }
}

function replyTo([name, ...args], index) {
  const command = name.toLowerCase();
  const subcommand = command === 'cluster' ? args[0]?.toLowerCase() : undefined;
  if (command === 'get') return `$${VALUE.length}\r\n${VALUE}\r\n`;
  if (subcommand === 'slots') return slotsReply;
  // else clients ask every node whether its address has passed to another one, which is a reply of SLOTS for each
  if (subcommand === 'myid') return bulk(idOf(index));
  return command === 'hello' ? '-ERR unknown command\r\n' : '+OK\r\n';
}

/** Each version has another owner for slot 0, as if it had been moved. */
function encodeSlots(version) {
  const ranges = scattered ? scatteredRanges() : evenRanges();
  const [first, last, owner] = ranges[0];
  ranges.splice(0, 1, [0, 0, (owner + version) % primaryCount], ...(last > first ? [[1, last, owner]] : []));
  return array(
    ranges.map(([from, to, node]) =>
      array([`:${from}\r\n`, `:${to}\r\n`, address(node), address(node, true)]),
    ),
  );
}

function scatteredRanges() {
  return Array.from({ length: SLOTS }, (_, slot) => [slot, slot, slot % primaryCount]);
}

function evenRanges() {
  const bound = (i) => Math.floor((i * SLOTS) / primaryCount);
  return Array.from({ length: primaryCount }, (_, i) => [bound(i), bound(i + 1) - 1, i]);
}

function address(index, replica = false) {
  const host = replica ? `replica-${index}.example` : HOST;
  return array([bulk(host), `:${ports[index]}\r\n`, bulk(idOf(index, replica)), array([])]);
}

function idOf(index, replica = false) {
  return `${replica ? 'b' : 'a'}${String(index).padStart(39, '0')}`;
}

function array(items) {
  return `*${items.length}\r\n${items.join('')}`;
}

function bulk(text) {
  return `$${text.length}\r\n${text}\r\n`;
}
