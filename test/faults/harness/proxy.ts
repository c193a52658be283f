import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Address } from './session.js';

/** What a proxy does to what passes. All of it may change while connections are open. */
export interface Interference {
  /** Cuts the connection once the node has answered this, before the client hears of it. */
  cutAfter: (request: Buffer) => boolean;
  /** Holds every reply back for so long, in ms. */
  delayMs: number;
  /** Lets nothing through in this direction, without closing anything. */
  blackhole: 'none' | 'toNode' | 'toClient' | 'both';
  /** Puts other bytes in the place of a reply. */
  rewrite: (reply: Buffer) => Buffer;
}

const HOST = '127.0.0.1';

/** Stands in front of one port of one node. */
export class Proxy implements Interference, Address {
  readonly host = HOST;
  port = 0;
  /** Connections that were accepted so far. */
  accepted = 0;
  /** Connections that were cut on purpose. */
  cuts = 0;
  cutAfter: Interference['cutAfter'] = () => false;
  delayMs = 0;
  blackhole: Interference['blackhole'] = 'none';
  rewrite: Interference['rewrite'] = (reply) => reply;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(readonly target: Address) {
    this.server = createServer((client) => this.serve(client));
  }

  static async start(target: Address): Promise<Proxy> {
    const proxy = new Proxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, HOST, resolve));
    proxy.port = (proxy.server.address() as AddressInfo).port;
    return proxy;
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(client: Socket): void {
    this.accepted++;
    const node = connect(this.target.port, this.target.host);
    let cutting = false;
    this.keep(client, node);
    this.keep(node, client);
    client.on('data', (chunk) => {
      if (this.blackhole === 'toNode' || this.blackhole === 'both') return;
      cutting ||= this.cutAfter(chunk);
      node.write(chunk);
    });
    node.on('data', (chunk) => {
      if (this.blackhole === 'toClient' || this.blackhole === 'both') return;
      if (cutting) {
        this.cuts++;
        client.destroy();
      } else if (this.delayMs === 0) client.write(this.rewrite(chunk));
      else setTimeout(() => client.write(this.rewrite(chunk)), this.delayMs).unref();
    });
  }

  private keep(socket: Socket, other: Socket): void {
    socket.setNoDelay();
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
      other.destroy();
    });
  }
}

/** A proxy for each node, and what makes a client go through them. */
export class Proxies {
  private constructor(readonly all: readonly Proxy[]) {}

  static async start(nodes: readonly Address[]): Promise<Proxies> {
    return new Proxies(await Promise.all(nodes.map(({ host, port }) => Proxy.start({ host, port }))));
  }

  /** What a session that goes through the proxies is opened with. */
  get options(): { nodes: Address[]; addressRemap: (address: Address) => Address } {
    return {
      nodes: this.all.map(({ host, port }) => ({ host, port })),
      addressRemap: (address) => this.before(address) ?? address,
    };
  }

  /** The proxy in front of a node. */
  before({ port }: Address): Proxy | undefined {
    return this.all.find(({ target }) => target.port === port);
  }

  get cuts(): number {
    return this.all.reduce((sum, proxy) => sum + proxy.cuts, 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((proxy) => proxy.stop()));
  }
}
