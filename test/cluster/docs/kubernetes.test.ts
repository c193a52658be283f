import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ClusterClient, type ClusterClientOptions } from 'keyslot';
import { LocalCluster, type LocalNode } from 'keyslot/testing';
import { parseAllDocuments } from 'yaml';
import { eventually } from '../../cluster-fixture.js';
import { commandLineClient, withServerPrograms } from '../../server-programs.js';
import { snippetFolder, snippetsOf, typeFaults } from '../../docs-snippets.js';

interface Probe {
  exec?: { command: string[] };
  httpGet?: { path: string };
}
interface Container {
  command?: string[];
  env: { name: string; value?: string }[];
  readinessProbe: Probe;
  livenessProbe: Probe;
  lifecycle: { preStop: Probe };
  volumeMounts: { name: string; mountPath: string }[];
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  data: Record<string, string>;
  spec: {
    clusterIP?: string;
    publishNotReadyAddresses?: boolean;
    serviceName?: string;
    replicas?: number;
    selector: Record<string, unknown>;
    template: {
      metadata: { labels: Record<string, string> };
      spec: { containers: Container[]; volumes?: { name: string; configMap?: { name: string } }[] };
    };
    volumeClaimTemplates?: { metadata: { name: string } }[];
  };
}

const PAGE = 'docs/kubernetes.md';
const NAMESPACE = 'shop';

// There is no Kubernetes here: the scripts of the manifests are run on local processes that announce the names of pods.
describe(PAGE, () => {
  const snippets = snippetsOf(PAGE);
  const manifests = (file: string): Manifest[] =>
    parseAllDocuments(
      snippets.find(({ language, code }) => language === 'yaml' && code.startsWith(`# ${file}\n`))!.code,
    ).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as Manifest;
    });
  const servers = new Map(manifests('redis.yaml').map((manifest) => [manifest.kind, manifest]));
  const set = servers.get('StatefulSet')!.spec;
  const [pod] = set.template.spec.containers;
  const folder = snippetFolder();
  let local: LocalCluster;
  let forwarded: ClusterClientOptions;

  const podOf = (index: number): string => `redis-${index}.redis.${NAMESPACE}.svc.cluster.local`;
  /** Runs a script of the ConfigMap as a pod does, where `redis-cli` reaches the server of the pod. */
  const runScript = (name: string, { port }: LocalNode): Promise<unknown> => {
    const script = servers
      .get('ConfigMap')!
      .data[name].replaceAll('redis-cli', `${commandLineClient()} -p ${port}`);
    return promisify(execFile)('sh', ['-c', script], { env: withServerPrograms() });
  };
  /** Has a node announce the name of its pod, as its command does in a pod. */
  const announce = async (index: number): Promise<void> => {
    const node = local.nodes[index];
    await local.command(node, 'CONFIG', 'SET', 'cluster-announce-hostname', podOf(index));
    await local.command(node, 'CONFIG', 'SET', 'cluster-preferred-endpoint-type', 'hostname');
  };

  beforeAll(async () => {
    const code = snippets.find(({ language }) => language === 'ts')!.code.replace(/^const/, 'export const');
    const file = join(folder, 'forwarded.ts');
    writeFileSync(file, `import type { ClusterClientOptions } from 'keyslot';\n${code}`);
    expect(await typeFaults(folder, [file])).toBe('');
    ({ forwarded } = (await import(file)) as { forwarded: ClusterClientOptions });
    local = await LocalCluster.start({ primaries: 3, replicasPerPrimary: 1, nodeTimeoutMs: 2_000 });
    for (const i of local.nodes.keys()) await announce(i);
  }, 60_000);
  afterAll(() => local?.stop());

  it('has manifests that fit together', () => {
    const service = servers.get('Service')!;
    expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    expect(set.serviceName).toBe(service.metadata.name);
    const { labels } = set.template.metadata;
    expect(service.spec.selector).toEqual(labels);
    expect(set.selector).toEqual({ matchLabels: labels });
    expect(servers.get('PodDisruptionBudget')!.spec.selector).toEqual({ matchLabels: labels });

    const volumes = [
      ...set.template.spec.volumes!.map(({ name }) => name),
      ...set.volumeClaimTemplates!.map(({ metadata }) => metadata.name),
    ];
    expect(pod.volumeMounts.map(({ name }) => name).toSorted()).toEqual(volumes.toSorted());
    const scripts = Object.keys(servers.get('ConfigMap')!.data);
    const used = [pod.readinessProbe, pod.lifecycle.preStop].map(({ exec }) => exec!.command[1]);
    expect(used.toSorted()).toEqual(scripts.map((name) => `/scripts/${name}`).toSorted());
  });

  it('starts servers that announce the name of their pod', async () => {
    const [shell, flag, script] = pod.command!;
    const env = { ...process.env, POD_IP: '10.0.0.1', POD_NAME: 'redis-0', POD_NAMESPACE: NAMESPACE };
    const shown = script.replace('exec redis-server', `printf '%s\\n'`);
    const { stdout } = await promisify(execFile)(shell, [flag, shown], { env });
    const words = stdout.trim().split('\n');
    const settings = new Map(
      words.flatMap((word, i) => (word.startsWith('--') ? [[word, words[i + 1]]] : [])),
    );
    expect(settings.get('--cluster-announce-hostname')).toBe(podOf(0));
    expect(settings.get('--cluster-announce-ip')).toBe('10.0.0.1');
    expect(pod.env.map(({ name }) => name)).toEqual(['POD_IP', 'POD_NAME', 'POD_NAMESPACE']);
    // the server knows all of them
    for (const name of settings.keys())
      if (!['--dir', '--cluster-enabled'].includes(name))
        expect(await local.command(local.nodes[0], 'CONFIG', 'GET', name.slice(2))).toHaveLength(2);
  });

  it('lets the application start from pods that the Service names, and probes it without the cluster for liveness', () => {
    const [{ spec }] = manifests('app.yaml');
    const [app] = spec.template.spec.containers;
    const nodes = app.env.find(({ name }) => name === 'REDIS_CLUSTER_NODES')!.value!.split(',');
    expect(nodes).toEqual([0, 1, 2].map((i) => `redis-${i}.redis:6379`));
    expect(set.replicas).toBeGreaterThan(nodes.length);
    expect(app.readinessProbe.httpGet!.path).not.toBe(app.livenessProbe.httpGet!.path);
  });

  it('restarts all nodes one by one, and no call fails', async () => {
    const announced = new Set<string>();
    const cluster = new ClusterClient({
      nodes: local.seeds,
      addressRemap: (address) => {
        if (!address.host.startsWith('redis-')) return address; // it has just started, and announces no name yet
        announced.add(address.host);
        const { port } = forwarded.addressRemap!(address);
        return { host: '127.0.0.1', port: local.nodes[port - 7000].port };
      },
    });
    await eventually(async () => {
      await cluster.refreshTopology();
      expect(announced.size).toBe(local.nodes.length);
    });
    const counts = Array.from({ length: 30 }, () => 0);
    const errors: unknown[] = [];
    let restarting = true;
    const load = counts.map(async (_, i) => {
      while (restarting) {
        await cluster.incr(`count-${i}`).then(
          () => counts[i]++,
          (error: unknown) => errors.push(error),
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    let handedOver = 0;
    for (const [i, node] of [...local.nodes.entries()].toReversed()) {
      const [role] = (await local.command(node, 'ROLE')) as [string];
      await runScript('hand-over.sh', node);
      expect((await local.command(node, 'ROLE')) as [string]).toContain('slave');
      if (role === 'master') handedOver++;
      await local.kill(node);
      await local.restart(node);
      await announce(i);
      await eventually(() => runScript('ready.sh', node));
    }
    restarting = false;
    await Promise.all(load);

    expect(handedOver).toBeGreaterThanOrEqual(3);
    expect(errors).toEqual([]);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    for (const [i, count] of counts.entries()) expect(await cluster.get(`count-${i}`)).toBe(String(count));
    await cluster.close();
  }, 120_000);
});
