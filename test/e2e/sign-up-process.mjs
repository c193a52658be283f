// One process of the sign-up of docs/recipes.md, which is killed at a step. See sign-up-recipe.test.ts.
// oxlint-disable-next-line import/no-unassigned-import -- Nest wants it
import 'reflect-metadata';
import { Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClusterClient, ClusterModule, createRepositories } from 'keyslot';
import { mergeMap } from 'rxjs';

const [recipe, step, ...signUp] = process.argv.slice(2);
const { SignUps, Tenant, User } = await import(recipe);
const connection = {
  nodes: process.env.REDIS_CLUSTER_NODES.split(','),
  keyPrefix: process.env.KEYSPACE,
};

const die = () => {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {}); // nothing of this process runs on
};

/** A repository whose process dies as soon as an insert is answered. */
const dyingAfterInsert = (repository) => ({
  create: (values) => repository.create(values),
  insert: (entity) => repository.insert(entity).then(die),
});

const signingUp = (wrap) => async () => {
  const all = createRepositories(new ClusterClient(connection), [User, Tenant]);
  const repositories = { users: all.repository(User), tenants: all.repository(Tenant), ...wrap(all) };
  await new SignUps(repositories.users, repositories.tenants).signUp(...signUp);
};

/** Follows the sign-ups with the method `activate` replaced. */
const following = (replaced) => async () => {
  const { activate } = SignUps.prototype;
  Object.defineProperty(SignUps.prototype, 'activate', { value: replaced(activate) });
  await follow();
};

async function follow() {
  // a class without decorators, which plain JavaScript has not got
  function AppModule() {}
  const imports = [ClusterModule.forRoot(connection), ClusterModule.forFeature([User, Tenant])];
  Module({ imports, providers: [SignUps] })(AppModule);
  await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
}

const STEPS = {
  'after the reservation': signingUp((all) => ({ users: dyingAfterInsert(all.repository(User)) })),
  'after the commit': signingUp((all) => ({ tenants: dyingAfterInsert(all.repository(Tenant)) })),
  'before it activates the user': following(() => die),
  'after it has activated the user': following(
    (activate) =>
      async function (tenant) {
        await activate.call(this, tenant);
        await die();
      },
  ),
  'after it has committed': async () => {
    UseInterceptors({ intercept: (_, next) => next.handle().pipe(mergeMap(die)) })(SignUps);
    await follow();
  },
};
await STEPS[step]();
