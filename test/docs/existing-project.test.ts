import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Module, type INestApplication, type Type } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { NestFactory as Factory } from '@nestjs/core';
import { ClusterClient, ClusterModule } from 'keyslot';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { root, snippetsOf } from '../docs-snippets.js';

const { nodes } = sharedCluster();
let started: INestApplication | undefined;

const NestFactory = {
  create: async (module: Type): Promise<INestApplication> =>
    (started = await Factory.create(module, { logger: false })),
};

/** Code without what a formatter decides by the width that is left. */
const squeezed = (code: string): string => code.replace(/\s+/g, '').replace(/,(?=[\]})])/g, '');

// The blocks of docs/getting-started.md for a project that is there stand in this file as they stand on the page.
it('docs/getting-started.md shows the code for an existing `nest new` project that is executed here', async () => {
  const here = squeezed(readFileSync(join(root, 'test/docs/existing-project.test.ts'), 'utf8')).replaceAll(
    'export',
    '',
  );
  const blocks = snippetsOf('docs/getting-started.md').filter(({ language }) => language === 'typescript');
  expect(blocks).toHaveLength(2);
  const missing = blocks.filter(({ code }) => !here.includes(squeezed(code).replaceAll('export', '')));
  expect(missing).toEqual([]);

  const { PORT, REDIS_CLUSTER_NODES } = process.env;
  process.env.REDIS_CLUSTER_NODES = nodes.map(({ host, port }) => `${host}:${port}`).join();
  process.env.PORT = '0';
  try {
    @Module({
      imports: [
        ConfigModule.forRoot({ isGlobal: true }),
        ClusterModule.forRootAsync({
          inject: [ConfigService],
          useFactory: (config: ConfigService) => ({
            nodes: config.get<string>('REDIS_CLUSTER_NODES')?.split(','),
            password: config.get<string>('REDIS_PASSWORD'),
          }),
        }),
      ],
    })
    class AppModule {}

    async function bootstrap(): Promise<void> {
      const app = await NestFactory.create(AppModule);
      app.enableShutdownHooks();
      await app.listen(process.env.PORT ?? 3000);
    }
    void bootstrap();

    await eventually(() => expect(started?.getHttpServer().listening).toBe(true));
    expect(await started?.get(ClusterClient).echo('heard')).toBe('heard');
  } finally {
    for (const [name, given] of Object.entries({ PORT, REDIS_CLUSTER_NODES }))
      if (given === undefined) delete process.env[name];
      else process.env[name] = given;
    await started?.close();
  }
});
