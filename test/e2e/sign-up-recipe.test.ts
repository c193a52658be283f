import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { type NestInterceptor, type Type, UseInterceptors } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  ClusterClient,
  ClusterModule,
  type ClusterRepository,
  type EntityClass,
  type RowChange,
  UniqueViolationError,
  createRepositories,
} from 'keyslot';
import { libraryBuilt } from '../built-library.js';
import { eventually, sharedCluster } from '../cluster-fixture.js';
import { compiled, root, snippetFolder, snippetsOf, writeSnippets } from '../docs-snippets.js';

const { nodes, keyspace } = sharedCluster();

interface User {
  id: string;
  email: string;
  state: 'pending' | 'active';
  expiresAt?: Date;
}
interface Tenant {
  id: string;
  name: string;
  email: string;
  state: 'new' | 'open' | 'refused';
}
interface SignUps {
  signUp(id: string, name: string, email: string): Promise<Tenant>;
}
interface Recipe {
  User: EntityClass<User>;
  Tenant: EntityClass<Tenant>;
  SignUps: Type<SignUps>;
}
/** A cluster of its own, as far as a test sees: the keys that begin with its prefix. */
interface Place {
  keyPrefix: string;
  client: ClusterClient;
  users: ClusterRepository<User>;
  tenants: ClusterRepository<Tenant>;
  /** Signs up in this process, which does not follow. */
  signUps: SignUps;
}

const EMAIL = 'ada@example.org';
const ADA = ['ada', 'Acme', EMAIL] as const;
const RESERVED = { state: 'pending', expiresAt: expect.any(Date) as Date };
const ACTIVE = { state: 'active', email: EMAIL, expiresAt: undefined };

// The program is taken from the page. Processes of their own are killed at its steps.
describe('the sign-up of docs/recipes.md', () => {
  const folder = snippetFolder();
  const apps: TestingModule[] = [];
  const clients: ClusterClient[] = [];
  let program: string;
  let recipe: Recipe;

  beforeAll(async () => {
    const file = snippetsOf('docs/recipes.md').find((snippet) => snippet.file === 'sign-up.ts')!;
    writeSnippets([file], folder);
    const output = await compiled(folder, [join(folder, 'sign-up.ts')]);
    expect(output.faults).toBe('');
    program = join(output.folder, 'sign-up.js');
    recipe = (await import(program)) as Recipe;
    UseInterceptors(recorder)(recipe.SignUps);
    // the killed processes use the package as it is built
    await libraryBuilt();
  });
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));
  afterAll(() => Promise.all(clients.map((client) => client.close())));

  /** The changes that applications of this process handled: the id and the type. */
  const handled: string[][] = [];
  const recorder: NestInterceptor = {
    intercept(context, next) {
      const { key, type } = context.getArgByIndex<RowChange<Tenant>>(0);
      handled.push([String(key), type]);
      return next.handle();
    },
  };

  let places = 0;
  const place = (keyPrefix = `${keyspace}${++places}:`): Place => {
    const { User, Tenant, SignUps } = recipe;
    const client = new ClusterClient({ nodes, keyPrefix });
    clients.push(client);
    const all = createRepositories(client, [User, Tenant]);
    const [users, tenants] = [all.repository(User), all.repository(Tenant)];
    return { keyPrefix, client, users, tenants, signUps: new SignUps(users, tenants) };
  };

  /** An application that follows the sign-ups. */
  const follow = async ({ keyPrefix }: Place): Promise<TestingModule> => {
    const { User, Tenant, SignUps } = recipe;
    const imports = [ClusterModule.forRoot({ nodes, keyPrefix }), ClusterModule.forFeature([User, Tenant])];
    const app = await Test.createTestingModule({ imports, providers: [SignUps] }).compile();
    apps.push(app);
    return app.init();
  };
  /** Runs a process that kills itself at a step. */
  const killedAt = async ({ keyPrefix }: Place, step: string, signUp: readonly string[] = []) => {
    const file = join(root, 'test', 'e2e', 'sign-up-process.mjs');
    const child = spawn(process.execPath, [file, program, step, ...signUp], {
      cwd: root,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        REDIS_CLUSTER_NODES: nodes.map(({ host, port }) => `${host}:${port}`).join(),
        KEYSPACE: keyPrefix,
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL'); // so it has reached the step
  };

  const left = async ({ users, tenants }: Place, id = 'ada') => ({
    user: await users.findOne(id),
    tenant: await tenants.findOne(id),
  });
  const settles = (at: Place, tenant: object, user: object | null, id = 'ada'): Promise<unknown> =>
    eventually(
      async () =>
        expect(await left(at, id)).toEqual({
          tenant: expect.objectContaining(tenant) as object,
          user: user && expect.objectContaining(user),
        }),
      // the lease of a process that died has to end first, which takes 15 s on a quiet machine
      { timeoutMs: 180_000 },
    );

  it('activates the user and opens the tenant, also if it is repeated', async () => {
    const at = place();
    await follow(at);
    expect(await at.signUps.signUp(...ADA)).toMatchObject({ id: 'ada', name: 'Acme' });
    await settles(at, { state: 'open', name: 'Acme' }, ACTIVE);
    expect(await at.signUps.signUp(...ADA)).toMatchObject({ state: 'open' });
    expect(await left(at)).toMatchObject({ tenant: { state: 'open' }, user: ACTIVE });
  });

  it('gives an address to one of two that sign up at a time', async () => {
    const [one, other] = [place(), place()];
    const same = place(one.keyPrefix);
    await follow(one);
    const outcomes = await Promise.allSettled([
      one.signUps.signUp('ada', 'Acme', EMAIL),
      same.signUps.signUp('bob', 'Bolts', EMAIL),
      other.signUps.signUp('ada', 'Acme', EMAIL), // in another place it is free
    ]);
    const [winner, loser] = outcomes[0].status === 'fulfilled' ? ['ada', 'bob'] : ['bob', 'ada'];
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(failures).toEqual([{ status: 'rejected', reason: expect.any(UniqueViolationError) as Error }]);
    await eventually(async () => (await one.tenants.findOne(winner))?.state === 'open');
    expect(await one.users.findOneBy({ email: EMAIL })).toMatchObject({ id: winner, state: 'active' });
    expect(await left(one, loser)).toEqual({ user: null, tenant: null });
  });

  describe('after a process has died that had reserved the address', () => {
    let at: Place;
    beforeEach(async () => {
      at = place();
      await killedAt(at, 'after the reservation', ADA);
      expect(await left(at)).toMatchObject({ user: RESERVED, tenant: null });
      const { expiresAt } = await at.users.findOneOrFail('ada');
      const minutes = (expiresAt!.getTime() - Date.now()) / 60_000;
      expect(minutes).toBeGreaterThan(5);
      expect(minutes).toBeLessThan(15);
      await expect(at.signUps.signUp('bob', 'Bolts', EMAIL)).rejects.toThrow(UniqueViolationError);
    });

    it('the sign-up goes on when it is repeated', async () => {
      await follow(at);
      await at.signUps.signUp(...ADA);
      await settles(at, { state: 'open' }, ACTIVE);
    });

    it('the address is free once the reservation has expired, and nothing is left of it', async () => {
      await at.users.expire('ada', 1);
      await eventually(async () => (await at.users.findOne('ada')) === null);
      await follow(at);
      await at.signUps.signUp('bob', 'Bolts', EMAIL);
      await eventually(async () => (await at.tenants.findOne('bob'))?.state === 'open');
      expect(await at.users.findOneBy({ email: EMAIL })).toMatchObject({ id: 'bob', state: 'active' });
      expect(await left(at)).toEqual({ user: null, tenant: null });
    });

    it('a sweep deletes what the expired reservation leaves in the index', async () => {
      const bucket = createHash('sha1').update(EMAIL).digest('hex').slice(0, 2);
      const entries = (): Promise<number> => at.client.hlen(`{~g:User:email:${bucket}}:uq`);
      expect(await entries()).toBe(1);
      await at.users.expire('ada', 1);
      await eventually(async () => (await at.users.findOne('ada')) === null);
      await eventually(async () => {
        await at.users.sweepGlobals(); // spares entries of the last half second
        return (await entries()) === 0;
      });
    });
  });

  describe('after a process has died that had committed the sign-up', () => {
    let at: Place;
    beforeEach(async () => {
      at = place();
      await killedAt(at, 'after the commit', ADA);
      expect(await left(at)).toMatchObject({ user: RESERVED, tenant: { state: 'new' } });
    });

    it('any process of the group settles it', async () => {
      await follow(at);
      await settles(at, { state: 'open' }, ACTIVE);
    });

    it('the user is inserted again if the reservation has expired', async () => {
      await at.users.expire('ada', 1);
      await eventually(async () => (await at.users.findOne('ada')) === null);
      await follow(at);
      await settles(at, { state: 'open' }, ACTIVE);
      expect(await at.users.findOneBy({ email: EMAIL })).toMatchObject({ id: 'ada' });
    });

    it('the tenant is refused if somebody else has taken the address of an expired reservation', async () => {
      await at.users.expire('ada', 1);
      await eventually(async () => (await at.users.findOne('ada')) === null);
      await at.signUps.signUp('bob', 'Bolts', EMAIL);
      await follow(at);
      await settles(at, { state: 'refused' }, null);
      await eventually(async () => (await at.tenants.findOne('bob'))?.state === 'open');
      expect(await at.users.findOneBy({ email: EMAIL })).toMatchObject({ id: 'bob', state: 'active' });
    });
  });

  it('another process settles what one has left that died in its handler', async () => {
    // at the same time, as each waits for a lease to end
    const crashes = [
      { step: 'before it activates the user', user: RESERVED, tenant: 'new', again: ['insert'] },
      { step: 'after it has activated the user', user: ACTIVE, tenant: 'new', again: ['insert'] },
      { step: 'after it has committed', user: ACTIVE, tenant: 'open', again: [] },
    ];
    await Promise.all(
      crashes.map(async ({ step, user, tenant, again }, i) => {
        const at = place();
        const id = `crash-${i}`;
        await at.signUps.signUp(id, 'Acme', EMAIL);
        await killedAt(at, step);
        expect(await left(at, id)).toMatchObject({ user, tenant: { state: tenant } });
        await follow(at);
        await settles(at, { state: 'open' }, ACTIVE, id);
        await at.tenants.update(id, { name: 'Acme & Co.' }); // is handled last
        const handledNow = (): string[] => handled.filter(([key]) => key === id).map(([, type]) => type);
        await eventually(() => handledNow().filter((type) => type === 'update').length === 2);
        expect(handledNow()).toEqual([...again, 'update', 'update']);
      }),
    );
  });
});
