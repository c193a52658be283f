import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { LocalCluster, LocalNode } from 'keyslot/testing';

const HOST = '127.0.0.1';
/** Where a message on the cluster bus names its sender, and how long the name is; see cluster.h of the server. */
const SENDER_AT = 40;
const SENDER_LENGTH = 40;

/** Stands in front of a node's cluster bus port, and drops what it is told to. */
class BusProxy {
  port = 0;
  private readonly server: Server;
  private readonly links = new Map<Socket, string | undefined>();

  private constructor(
    readonly node: LocalNode,
    private readonly busPort: number,
    private readonly isCut: (sender: string, receiver: string) => boolean,
  ) {
    this.server = createServer((peer) => this.serve(peer));
  }

  static async start(
    node: LocalNode,
    busPort: number,
    isCut: (sender: string, receiver: string) => boolean,
  ): Promise<BusProxy> {
    const proxy = new BusProxy(node, busPort, isCut);
    await new Promise<void>((resolve) => proxy.server.listen(0, HOST, resolve));
    proxy.port = (proxy.server.address() as AddressInfo).port;
    return proxy;
  }

  /** Ends every link, so that new ones are made. */
  reset(): void {
    for (const socket of this.links.keys()) socket.destroy();
  }

  async stop(): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(peer: Socket): void {
    const node = connect(this.busPort, HOST);
    let head = Buffer.alloc(0);
    let sender: string | undefined;
    const cut = (): boolean => sender !== undefined && this.isCut(sender, this.node.id);
    peer.on('data', (chunk) => {
      if (sender === undefined) {
        head = Buffer.concat([head, chunk]);
        if (head.length >= SENDER_AT + SENDER_LENGTH)
          sender = head.toString('latin1', SENDER_AT, SENDER_AT + SENDER_LENGTH);
      }
      if (!cut()) node.write(chunk);
    });
    node.on('data', (chunk) => {
      if (!cut()) peer.write(chunk);
    });
    for (const [socket, other] of [
      [peer, node],
      [node, peer],
    ]) {
      this.links.set(socket, undefined);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.links.delete(socket);
        other.destroy();
      });
    }
  }
}

/**
 * A network between the nodes that can be parted: every node announces a proxy as its bus port. Only what the nodes
 * say to each other is cut; clients reach both sides, which is the worst that can happen to them.
 */
export class BusPartition {
  private cutOff: LocalNode | undefined = undefined;
  private proxies: BusProxy[] = [];

  private constructor(private readonly cluster: LocalCluster) {}

  static async install(cluster: LocalCluster): Promise<BusPartition> {
    const partition = new BusPartition(cluster);
    const isCut = (sender: string, receiver: string): boolean => {
      const id = partition.cutOff?.id;
      return id !== undefined && (sender === id) !== (receiver === id);
    };
    const own = await Promise.all(
      cluster.nodes.map(async (node) => Number((await lineOf(cluster, node, node))?.bus)),
    );
    partition.proxies = await Promise.all(
      cluster.nodes.map((node, i) => BusProxy.start(node, own[i], isCut)),
    );
    await partition.announce((proxy) => proxy.port);
    return partition;
  }

  /** Parts a primary from all other nodes, its replicas included. */
  async isolate(node: LocalNode): Promise<void> {
    this.cutOff = node;
    // a replica that cannot say who it is stays away, as one that cannot reach its primary does
    for (const replica of this.cluster.replicas) {
      const [, secret] = (await this.cluster.command(replica, 'CONFIG', 'GET', 'masterauth')) as [
        string,
        string,
      ];
      this.secrets.set(replica, secret);
      await this.cluster.command(replica, 'CONFIG', 'SET', 'masterauth', 'parted');
    }
    await this.cluster.command(node, 'CLIENT', 'KILL', 'TYPE', 'replica');
  }

  /** All nodes hear each other again. */
  async heal(): Promise<void> {
    this.cutOff = undefined;
    for (const [replica, secret] of this.secrets)
      await this.cluster.command(replica, 'CONFIG', 'SET', 'masterauth', secret);
    this.secrets.clear();
    for (const proxy of this.proxies) proxy.reset();
  }

  async remove(): Promise<void> {
    await this.heal();
    await this.announce(() => 0);
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
  }

  private readonly secrets = new Map<LocalNode, string>();

  /** Sets what every node announces, and waits until the others have heard it. */
  private async announce(port: (proxy: BusProxy) => number): Promise<void> {
    for (const proxy of this.proxies)
      await this.cluster.command(proxy.node, 'CONFIG', 'SET', 'cluster-announce-bus-port', port(proxy));
    const end = performance.now() + 30_000;
    while (!(await this.isKnown(port))) {
      if (performance.now() > end) throw new Error('The nodes did not take up the announced bus ports');
      await delay(50);
    }
  }

  private async isKnown(port: (proxy: BusProxy) => number): Promise<boolean> {
    for (const observer of this.cluster.nodes) {
      for (const proxy of this.proxies) {
        if (observer === proxy.node) continue;
        const line = await lineOf(this.cluster, observer, proxy.node);
        const expected = port(proxy);
        const fits = expected === 0 ? line?.bus !== String(proxy.port) : line?.bus === String(expected);
        if (!fits || line?.link !== 'connected') return false;
      }
    }
    return true;
  }
}

/** What one node says of another: its bus port, and whether they are connected. */
async function lineOf(
  cluster: LocalCluster,
  observer: LocalNode,
  node: LocalNode,
): Promise<{ bus: string; link: string } | undefined> {
  const lines = String(await cluster.command(observer, 'CLUSTER', 'NODES')).split('\n');
  const words = lines.find((line) => line.startsWith(node.id))?.split(' ');
  const bus = words && /@(\d+)/.exec(words[1])?.[1];
  return bus === undefined ? undefined : { bus, link: words?.[7] ?? '' };
}
