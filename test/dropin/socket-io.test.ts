import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { ClusterClient } from 'keyslot';
import { Server } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { eventually, sharedCluster } from '../cluster-fixture.js';

const { nodes, keyspace } = sharedCluster();
const ADAPTERS = {
  classic: (cluster: ClusterClient) => createAdapter(cluster, cluster.duplicate(), { key: `${keyspace}c` }),
  sharded: (cluster: ClusterClient) =>
    createShardedAdapter(cluster, cluster.duplicate(), { channelPrefix: `${keyspace}s` }),
};

describe.each(['classic', 'sharded'] as const)('@socket.io/redis-adapter, %s', (kind) => {
  const clients: ClusterClient[] = [];
  const servers: { io: Server; http: HttpServer }[] = [];
  const sockets: Socket[] = [];

  /** A client with the duplicates that are made of it closed at the end. */
  function clientOf(): ClusterClient {
    const client = new ClusterClient({ nodes });
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (...args: []) => {
      const copy = duplicate(...args);
      clients.push(copy);
      return copy;
    };
    clients.push(client);
    return client;
  }

  async function serve(): Promise<Server> {
    const http = createServer();
    const server = new Server(http, { adapter: ADAPTERS[kind](clientOf()) });
    server.on('connection', (socket) => {
      void socket.join('room');
      socket.on('say', (...words: unknown[]) => socket.to('room').emit('said', ...words));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    servers.push({ io: server, http });
    return server;
  }

  function enter({ http }: { http: HttpServer }): Promise<Socket> {
    const { port } = http.address() as AddressInfo;
    const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] });
    sockets.push(socket);
    return new Promise((resolve) => socket.once('connect', () => resolve(socket)));
  }

  afterAll(async () => {
    for (const socket of sockets) socket.disconnect();
    for (const { io: server } of servers) await server.close();
    await Promise.all(clients.map((client) => client.close()));
  });

  it('carries messages, text and bytes, between two servers', async () => {
    await serve();
    await serve();
    const [one, other] = await Promise.all(servers.map(enter));
    const heard: unknown[] = [];
    other.on('said', (...words) => heard.push(words));
    await eventually(() => {
      // until the subscriptions of the other server are there
      if (heard.length === 0) one.emit('say', 'hello');
      return heard.length > 0;
    });
    expect(heard[0]).toEqual(['hello']);
    one.emit('say', Buffer.from([0, 255, 1]));
    await eventually(() => expect(heard.at(-1)).toEqual([Buffer.from([0, 255, 1])]));

    heard.length = 0;
    one.on('said', (...words) => heard.push(words));
    servers[0].io.emit('said', 'to all');
    await eventually(() => heard.length === 2);
  });

  it('queries all servers, and waits for each of them to answer', async () => {
    const [first, other] = [await serve(), await serve()];
    const entered = await Promise.all(servers.slice(-2).map(enter));
    other.on('how many', (unit: string, answer: (text: string) => void) =>
      answer(`${other.of('/').sockets.size} ${unit}`),
    );
    // each server knows of the other once it is told of its sockets; those of the test before may be among them
    const ids = entered.map(({ id }) => id);
    await eventually(async () => {
      const found = (await first.fetchSockets()).map(({ id }) => id);
      expect(found).toEqual(expect.arrayContaining(ids));
    });
    servers
      .slice(0, -2)
      .forEach(({ io: server }) => server.on('how many', (_, answer) => answer('0 sockets')));
    const answers = await first.serverSideEmitWithAck('how many', 'sockets');
    expect(answers).toContain('1 sockets');
    expect(answers).toHaveLength(servers.length - 1);
  });
});
