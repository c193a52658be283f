import { connect } from 'node:net';

const TIMEOUT_MS = 5_000;

/**
 * Asks one node one thing over a connection of its own, whatever the client that is measured is doing.
 * @param {{ host: string, port: number }} node
 * @param {string} command as typed into redis-cli
 * @returns {Promise<string>} the reply as the server wrote it, if it is a status, an error or a string
 */
export function nodeCommand({ host, port }, command) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let reply = '';
    socket.setTimeout(TIMEOUT_MS, () =>
      socket.destroy(new Error(`${host}:${port} does not answer ${command}`)),
    );
    socket.setEncoding('latin1');
    socket.on('error', reject);
    socket.on('data', (text) => {
      reply += text;
      if (!isWhole(reply)) return;
      socket.destroy();
      if (reply.startsWith('-')) reject(new Error(reply.trim()));
      else resolve(reply);
    });
    socket.write(`${command}\r\n`);
  });
}

function isWhole(reply) {
  const lineEnd = reply.indexOf('\r\n');
  if (lineEnd === -1 || !reply.startsWith('$')) return lineEnd !== -1;
  return reply.length >= lineEnd + 2 + Number(reply.slice(1, lineEnd)) + 2;
}
