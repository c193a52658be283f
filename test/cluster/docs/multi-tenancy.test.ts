import { join } from 'node:path';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Module,
  Param,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  ClusterClient,
  ClusterEntity,
  ClusterModule,
  type ClusterRepository,
  createRepositories,
  getClusterRepositoryToken,
  Index,
  PrimaryKey,
  Property,
  Unique,
  UniqueViolationError,
} from 'keyslot';
import { LocalCluster } from 'keyslot/testing';
import { compiled, snippetFolder, snippetsOf, writeSnippets } from '../../docs-snippets.js';

interface Project {
  id: string;
  tenantId: string;
  name: string;
}
interface TenantProjects {
  find(id: string): Promise<Project | null>;
  list(): Promise<Project[]>;
  add(name: string): Promise<Project>;
}
interface TenantRequest {
  tenantId?: string;
  headers: Record<string, string | undefined>;
}

const PAGE = 'docs/multi-tenancy.md';

@ClusterEntity({ name: 'Document' })
class Document {
  @PrimaryKey({ generate: 'uuidv7' }) id!: string;
  @Index({ scope: 'global' }) @Property() tenantId!: string;
  @Unique({ name: 'nameInTenant', fields: ['tenantId', 'name'], scope: 'global' }) @Property() name!: string;
}

describe(PAGE, () => {
  const folder = snippetFolder();
  const snippets = snippetsOf(PAGE);
  let local: LocalCluster;
  let shared: ClusterClient;
  let app: INestApplication;
  let faults: string;
  let url: string;

  beforeAll(async () => {
    local = await LocalCluster.start({
      replicasPerPrimary: 0,
      users: { acme: 'on >secret ~acme:* &acme:* +@all' },
    });
    shared = new ClusterClient({ nodes: local.seeds });
    writeSnippets(snippets, folder);
    const files = snippets.filter(({ file }) => file !== undefined).map(({ file }) => join(folder, file!));
    const program = await compiled(folder, files);
    ({ faults } = program);
    const load = async (file: string): Promise<Record<string, Type>> =>
      (await import(join(program.folder, file))) as Record<string, Type>;
    const { Tenant, Project } = await load('project.js');
    const { TenantProjects: Projects } = await load('tenant-projects.js');

    class TenantGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const request = context.switchToHttp().getRequest<TenantRequest>();
        request.tenantId = request.headers['x-tenant'];
        return true;
      }
    }
    @Controller('projects')
    @UseGuards(TenantGuard)
    class ProjectsController {
      constructor(private readonly projects: TenantProjects) {}
      @Get('add/:name')
      add(name: string): Promise<Project> {
        return this.projects.add(name);
      }
      @Get()
      list(): Promise<Project[]> {
        return this.projects.list();
      }
      @Get('of/:id')
      async find(id: string): Promise<{ found: Project | null }> {
        return { found: await this.projects.find(id) };
      }
    }
    Reflect.defineMetadata('design:paramtypes', [Projects], ProjectsController);
    for (const [method, parameter] of [
      ['add', 'name'],
      ['find', 'id'],
    ])
      Param(parameter)(ProjectsController.prototype, method, 0);
    @Module({
      imports: [ClusterModule.forRoot({ nodes: local.seeds }), ClusterModule.forFeature([Tenant, Project])],
      controllers: [ProjectsController],
      providers: [Projects],
    })
    class AppModule {}
    const made = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = made.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    const tenants = app.get<ClusterRepository<{ id: string }>>(getClusterRepositoryToken(Tenant));
    for (const id of ['acme', 'globex']) await tenants.insert(tenants.create({ id }));
  }, 60_000);
  afterAll(async () => {
    await app?.close();
    await shared?.close();
    await local?.stop();
  });

  const get = async <T>(path: string, tenant?: string): Promise<{ status: number; body: T }> => {
    const response = await fetch(`${url}/projects${path}`, { headers: tenant ? { 'x-tenant': tenant } : {} });
    return { status: response.status, body: (await response.json()) as T };
  };

  it('compiles', () => {
    expect(faults).toBe('');
  });

  it('shows each tenant its own projects, and enforces the quota', async () => {
    const { body: mine } = await get<Project>('/add/website', 'acme');
    const { body: theirs } = await get<Project>('/add/website', 'globex'); // unique within a tenant
    expect([mine.tenantId, theirs.tenantId]).toEqual(['acme', 'globex']);
    expect((await get('/add/website', 'acme')).status).toBe(500); // UniqueViolationError, without the filter
    expect((await get<Project[]>('', 'acme')).body).toEqual([mine]);
    expect((await get(`/of/${theirs.id}`, 'acme')).body).toEqual({ found: null });
    expect((await get(`/of/${mine.id}`, 'acme')).body).toEqual({ found: mine });
    expect((await get('')).status).toBe(403);

    const added = await Promise.all(['a', 'b', 'c', 'd'].map((name) => get(`/add/${name}`, 'acme')));
    expect(added.map(({ status }) => status).toSorted()).toEqual([200, 200, 403, 403]);
  });

  it('contains the class with a global index, which lists and constrains by tenant', async () => {
    const [shown] = snippets.filter(({ code }) => code.includes("name: 'Document'"));
    expect(shown.code.trim()).toBe(
      `@ClusterEntity({ name: 'Document' })
class Document {
  @PrimaryKey({ generate: 'uuidv7' }) id!: string;
  @Index({ scope: 'global' }) @Property() tenantId!: string;
  @Unique({ name: 'nameInTenant', fields: ['tenantId', 'name'], scope: 'global' }) @Property() name!: string;
}`,
    );
    const documents = createRepositories(shared, [Document]).repository(Document);
    const add = (tenantId: string, name: string): Promise<Document> =>
      documents.insert(documents.create({ tenantId, name }));
    const plan = await add('acme', 'plan');
    await add('globex', 'plan');
    await expect(add('acme', 'plan')).rejects.toBeInstanceOf(UniqueViolationError);
    expect(await documents.findBy({ tenantId: 'acme' })).toEqual([plan]);
  });

  it('gives a tenant a prefix and a user that reaches nothing else', async () => {
    const forTenant = (tenant: string, password: string): ClusterClient =>
      shared.duplicate({ keyPrefix: `${tenant}:`, username: tenant, password });
    expect(snippets.some(({ code }) => code.includes('shared.duplicate({ keyPrefix: `${tenant}:`'))).toBe(
      true,
    );
    const acme = forTenant('acme', 'secret');
    await acme.set('greeting', 'hello');
    expect(await shared.get('acme:greeting')).toBe('hello');
    const elsewhere = acme.duplicate({ keyPrefix: 'globex:' });
    await expect(elsewhere.get('greeting')).rejects.toMatchObject({ code: 'NOPERM' });
    await elsewhere.close();
    await acme.close();
  });
});
