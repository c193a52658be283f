/**
 * How each client subscribes. All are given one node, because Nest's Redis transport takes no more.
 * @typedef {object} Subscriber
 * @property {(channel: string, count: number, onMessage: (text: string) => void) => Promise<() => Promise<void>>} subscribe
 *   so many subscribers of one channel; ready once the server has confirmed it. Gives what ends it
 * @property {(channels: string[]) => Promise<() => Promise<void>>} subscribeAll the same for many channels at once
 * @property {() => Promise<void>} close
 */

/**
 * `share` is the part of the messages to many subscribers that a slow client is given. `dist` of a node is the build to
 * measure; that of this tree if left out.
 * @type {Record<string, { title: string, share?: number, open: (node: { host: string, port: number, dist?: string }) => Promise<Subscriber> }>}
 */
export const subscribers = {
  keyslot: { title: 'Keyslot', open: keyslot },
  handlers: { title: "Keyslot's handlers", share: 0.2, open: keyslotHandlers },
  ioredis: { title: 'ioredis', open: ioredis },
  'node-redis': { title: 'node-redis', open: nodeRedis },
  nest: { title: "Nest's Redis transport", share: 0.05, open: nest },
};

/** What is published so that a subscriber gets the text. */
export const wrap = (client, channel, text) =>
  client === 'nest' ? JSON.stringify({ pattern: channel, data: text }) : text;

const ignore = () => {};

export async function keyslot({ dist = '../dist/index.js', ...node }) {
  const { ClusterClient } = await import(dist);
  const client = new ClusterClient({ nodes: [node], codec: 'text' });
  await client.connect();
  const { pubsub } = client;
  const follow = async (names, count, onMessage) => {
    // one observable: its subscribers share what was decoded, as listeners do elsewhere
    const messages = pubsub.channel(names);
    const subscriptions = Array.from({ length: count }, () =>
      messages.subscribe(({ payload }) => onMessage(payload)),
    );
    await pubsub.ready();
    return async () => subscriptions.forEach((subscription) => subscription.unsubscribe());
  };
  return {
    subscribe: follow,
    subscribeAll: (channels) => follow(channels, 1, ignore),
    close: () => client.close(),
  };
}

/** Methods with @Subscribe. Their buffer holds a burst; a handler that falls behind would drop messages. */
async function keyslotHandlers(node) {
  await import('reflect-metadata');
  const { Injectable, Module } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { ClusterModule, Subscribe, getClusterToken } = await import('../dist/index.js');
  const follow = async (names, count, onMessage) => {
    function Listeners() {}
    for (let i = 0; i < count; i++) {
      Listeners.prototype[`on${i}`] = (text) => onMessage(text);
      const descriptor = Object.getOwnPropertyDescriptor(Listeners.prototype, `on${i}`);
      const options = { codec: 'text', buffer: { size: 1_000_000 } };
      Subscribe(names, options)(Listeners.prototype, `on${i}`, descriptor);
    }
    Injectable()(Listeners);
    function Application() {}
    Module({ imports: [ClusterModule.forRoot({ nodes: [node] })], providers: [Listeners] })(Application);
    const app = await NestFactory.createApplicationContext(Application, { logger: false });
    await app.get(getClusterToken()).pubsub.ready();
    return () => app.close();
  };
  return {
    subscribe: (channel, count, onMessage) => follow([channel], count, onMessage),
    subscribeAll: (channels) => follow(channels, 1, () => {}),
    close: async () => {},
  };
}

async function ioredis(node) {
  const { Redis } = await import('ioredis');
  const redis = new Redis({ ...node, lazyConnect: true });
  redis.setMaxListeners(0);
  await redis.connect();
  const follow = async (names, count, onMessage) => {
    for (let i = 0; i < count; i++) redis.on('message', (_, text) => onMessage(text));
    await redis.subscribe(...names);
    return async () => {
      redis.removeAllListeners('message');
      await redis.unsubscribe(...names);
    };
  };
  return {
    subscribe: (channel, count, onMessage) => follow([channel], count, onMessage),
    subscribeAll: (channels) => follow(channels, 1, ignore),
    close: async () => redis.disconnect(),
  };
}

async function nodeRedis(node) {
  const { createClient } = await import('redis');
  const client = createClient({ socket: node });
  client.on('error', ignore);
  await client.connect();
  const follow = async (names, count, onMessage) => {
    await Promise.all(
      Array.from({ length: count }, () => client.subscribe(names, (text) => onMessage(text))),
    );
    return () => client.unsubscribe(names);
  };
  return {
    subscribe: follow,
    subscribeAll: (channels) => follow(channels, 1, ignore),
    close: () => client.close(),
  };
}

/** Event handlers of a microservice, which is how the transport is used. */
async function nest(node) {
  const { Controller, Module } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { EventPattern, Transport } = await import('@nestjs/microservices');
  const follow = async (names, count, onMessage) => {
    // classes by another name: what is to be decorated is made as we go
    function Listeners() {}
    for (let i = 0; i < count; i++) {
      Listeners.prototype[`on${i}`] = (text) => onMessage(text);
      const descriptor = Object.getOwnPropertyDescriptor(Listeners.prototype, `on${i}`);
      EventPattern(names)(Listeners.prototype, `on${i}`, descriptor);
    }
    Controller()(Listeners);
    function Application() {}
    Module({ controllers: [Listeners] })(Application);
    const options = { ...node };
    const app = await NestFactory.createMicroservice(Application, {
      transport: Transport.REDIS,
      options,
      logger: false,
    });
    await app.listen();
    // it does not wait for its subscriptions; what is asked after them is answered after them
    const [, subscriber] = app.unwrap();
    await subscriber.ping();
    return () => app.close();
  };
  return {
    subscribe: follow,
    subscribeAll: (channels) => follow(channels, 1, ignore),
    close: async () => {},
  };
}
