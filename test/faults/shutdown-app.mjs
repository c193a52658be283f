// An application under load that is told to end, see shutdown.test.ts. Prints what became of its calls.
// oxlint-disable-next-line import/no-unassigned-import -- Nest wants it
import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClusterClient, ClusterModule } from 'keyslot';

const nodes = process.env.REDIS_CLUSTER_NODES.split(',');
const rejections = [];
process.on('unhandledRejection', (reason) => rejections.push(String(reason)));

// a class without decorators, which plain JavaScript has not got
function AppModule() {}
Module({ imports: [ClusterModule.forRoot({ nodes })] })(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const client = app.get(ClusterClient);
client.pubsub.channel(process.env.KEYSPACE).subscribe();
await client.pubsub.ready();
const fates = {};
let begun = 0;
let settled = 0;
let running = true;
const call = async (promise) => {
  begun++;
  const fate = await promise.then(
    () => 'answered',
    (error) => error.code ?? String(error),
  );
  settled++;
  fates[fate] = (fates[fate] ?? 0) + 1;
};
const key = (n) => `${process.env.KEYSPACE}${n % 100}`;
const callers = Array.from({ length: 20 }, async (_, i) => {
  for (let n = i; running; n += 20) {
    await call(
      n % 2 === 0
        ? client.incr(key(n))
        : client
            .pipeline()
            .get(key(n))
            .get(key(n + 1))
            .exec(),
    );
    await delay(1);
  }
});
const blocked = call(client.blpop(`${process.env.KEYSPACE}never`, 0));
process.once('SIGTERM', async () => {
  await app.close();
  running = false;
  await Promise.all([...callers, blocked]);
  console.log(JSON.stringify({ begun, settled, fates, rejections }));
  // and nothing else: a timer or a socket that is left would keep the process from ending
});
while (settled < 200) await delay(10);
console.log('ready');
