import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { NodeAddress } from 'keyslot';

const HOST = '127.0.0.1';

/** Stands between clients and a node, and can hold back everything on the way, as a network that is parted for a while. */
class PausingRelay implements NodeAddress {
  readonly host = HOST;
  port = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private isHeld = false;

  private constructor(readonly target: NodeAddress) {
    this.server = createServer((client) => this.serve(client));
  }

  static async start(target: NodeAddress): Promise<PausingRelay> {
    const relay = new PausingRelay(target);
    await new Promise<void>((resolve) => relay.server.listen(0, HOST, resolve));
    relay.port = (relay.server.address() as AddressInfo).port;
    return relay;
  }

  hold(): void {
    this.isHeld = true;
    for (const socket of this.sockets) socket.pause();
  }

  release(): void {
    this.isHeld = false;
    for (const socket of this.sockets) socket.resume();
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(client: Socket): void {
    const node = connect(this.target.port, this.target.host).setNoDelay();
    client.setNoDelay();
    for (const [from, to] of [
      [client, node],
      [node, client],
    ]) {
      this.sockets.add(from);
      from.on('data', (chunk) => to.write(chunk));
      from.on('error', () => {});
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      if (this.isHeld) from.pause();
    }
  }
}

/** A relay before each node of a cluster, and what makes a client go through them. */
export class PausingRelays {
  private constructor(private readonly relays: readonly PausingRelay[]) {}

  static async start(nodes: readonly NodeAddress[]): Promise<PausingRelays> {
    return new PausingRelays(await Promise.all(nodes.map((node) => PausingRelay.start(node))));
  }

  /** Options of a client that is to go through the relays. */
  get options(): { nodes: NodeAddress[]; addressRemap: (address: NodeAddress) => NodeAddress } {
    const nodes = this.relays.map(({ host, port }) => ({ host, port }));
    return { nodes, addressRemap: (address) => this.before(address) ?? address };
  }

  before({ port }: NodeAddress): PausingRelay | undefined {
    return this.relays.find(({ target }) => target.port === port);
  }

  async stop(): Promise<void> {
    await Promise.all(this.relays.map((relay) => relay.stop()));
  }
}
