import { join } from 'node:path';
import { Controller, Get, Module, type Type } from '@nestjs/common';
import { AbstractGraphQLDriver, GraphQLModule } from '@nestjs/graphql';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { graphql, type GraphQLSchema } from 'graphql';
import { ClusterExceptionFilter, ClusterModule } from 'keyslot';
import { HttpAdapterHost } from '@nestjs/core';
import { sharedCluster } from '../cluster-fixture.js';
import { snippetFolder, snippetsOf, typeFaults, writeSnippets } from '../docs-snippets.js';

const { nodes, keyspace } = sharedCluster();
const PAGE = 'docs/graphql-and-swagger.md';

let schema: GraphQLSchema;
/** Takes the schema with its resolvers; requests go to it directly. */
class SchemaOnlyDriver extends AbstractGraphQLDriver {
  async start(options: { schema?: GraphQLSchema }): Promise<void> {
    schema = options.schema!;
  }
  async stop(): Promise<void> {}
}

describe(PAGE, () => {
  const folder = snippetFolder();
  const snippets = snippetsOf(PAGE);
  const load = async (file: string): Promise<Record<string, unknown>> =>
    (await import(join(folder, file))) as Record<string, unknown>;
  let app: NestExpressApplication;
  let url: string;

  beforeAll(async () => {
    writeSnippets(snippets, folder);
    const { Task } = (await load('task.ts')) as { Task: Type };
    const { TaskResolver } = (await load('task.resolver.ts')) as { TaskResolver: Type };
    const { Product } = (await load('product.ts')) as { Product: Type };
    const { ProductsController } = (await load('products.controller.ts')) as { ProductsController: Type };
    const { setup } = (await load('setup.ts')) as { setup(app: NestExpressApplication): void };
    @Module({
      imports: [
        ClusterModule.forRoot({ nodes, keyPrefix: keyspace }),
        ClusterModule.forFeature([Task, Product]),
        GraphQLModule.forRoot({ driver: SchemaOnlyDriver, autoSchemaFile: true }),
      ],
      controllers: [ProductsController],
      providers: [TaskResolver],
    })
    class AppModule {}
    const made = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = made.createNestApplication<NestExpressApplication>({ logger: false });
    app.useGlobalFilters(
      new ClusterExceptionFilter(app.get(HttpAdapterHost), { statusByCode: { INVALID_ARGUMENT: 400 } }),
    );
    setup(app);
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(() => app?.close());

  it('compiles', async () => {
    const files = snippets.map(({ file }) => join(folder, file!));
    expect(await typeFaults(folder, files)).toBe('');
  });

  const run = async (source: string, variableValues = {}): Promise<Record<string, unknown>> => {
    const { data, errors } = await graphql({ schema, source, variableValues });
    expect(errors).toBeUndefined();
    return data!;
  };

  it('serves an entity over GraphQL, with its bigint as text', async () => {
    const { addTask } = (await run(
      `mutation { addTask(input: { title: "write" }) { id title note cents } }`,
    )) as {
      addTask: { id: string };
    };
    expect(addTask).toEqual({ id: expect.any(String), title: 'write', note: null, cents: '0' });
    const { task } = await run(`query ($id: ID!) { task(id: $id) { title } }`, { id: addTask.id });
    expect(task).toEqual({ title: 'write' });
    const ids = [addTask.id, 'none'];
    const { tasksById } = await run(`query ($ids: [ID!]!) { tasksById(ids: $ids) { id } }`, { ids });
    expect(tasksById).toEqual([{ id: addTask.id }, null]);
  });

  it('serves an entity over HTTP, and rejects values that do not fit', async () => {
    const post = (body: object): Promise<Response> =>
      fetch(`${url}/products`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const made = await post({ title: 'lamp', cents: '1', id: 'mine' });
    expect(made.status).toBe(201);
    const product = (await made.json()) as { id: string };
    expect(product).toEqual({ id: expect.any(String), title: 'lamp', cents: '0' });
    expect(product.id).not.toBe('mine');
    expect(await (await fetch(`${url}/products/${product.id}`)).json()).toEqual(product);
    expect((await fetch(`${url}/products/none`)).status).toBe(404);
    for (const body of [{}, { title: 7 }, { title: 'x'.repeat(81) }])
      expect((await post(body)).status).toBe(400);
  });

  it('sends a bigint as text with Fastify, too', async () => {
    @Controller()
    class Amounts {
      @Get('amount')
      amount(): { cents: bigint } {
        return { cents: 5n };
      }
    }
    const made = await Test.createTestingModule({ controllers: [Amounts] }).compile();
    const fastify = made.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), {
      logger: false,
    });
    const asText = (_key: string, value: unknown): unknown =>
      typeof value === 'bigint' ? String(value) : value;
    fastify
      .getHttpAdapter()
      .getInstance()
      .setReplySerializer((payload) => JSON.stringify(payload, asText));
    await fastify.listen(0, '127.0.0.1');
    const answer = await fetch(`${await fastify.getUrl()}/amount`);
    expect(await answer.json()).toEqual({ cents: '5' });
    await fastify.close();
  });

  it('describes the entity and what is derived from it for OpenAPI', async () => {
    const document = (await (await fetch(`${url}/docs-json`)).json()) as {
      components: { schemas: Record<string, { properties: Record<string, unknown>; required: string[] }> };
    };
    const { Product, NewProduct } = document.components.schemas;
    expect(Product.properties).toMatchObject({
      id: { type: 'string' },
      title: { type: 'string', maxLength: 80 },
      cents: { type: 'string', example: '1999' },
    });
    expect(Product.required).toEqual(['id', 'title', 'cents']);
    expect(Object.keys(NewProduct.properties)).toEqual(['title', 'note']);
  });
});
