import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { NodeAddress } from 'keyslot';

/** A request as a client sent it: name and arguments, one character a byte. */
export type Request = readonly string[];

const HOST = '127.0.0.1';

/** Reads requests from a stream of bytes cut anywhere. */
class RequestReader {
  private text = '';
  private offset = 0;

  /** The requests that end in this chunk. */
  read(chunk: Buffer): Request[] {
    this.text = this.text.slice(this.offset) + chunk.toString('latin1');
    this.offset = 0;
    const requests: Request[] = [];
    for (let request = this.next(); request !== undefined; request = this.next()) requests.push(request);
    return requests;
  }

  private next(): Request | undefined {
    let end = this.text.indexOf('\r\n', this.offset);
    if (end === -1) return undefined;
    const count = Number(this.text.slice(this.offset + 1, end));
    const parts: string[] = [];
    for (let start = end + 2; parts.length < count; start = end + 2) {
      const lengthEnd = this.text.indexOf('\r\n', start);
      if (lengthEnd === -1) return undefined;
      end = lengthEnd + 2 + Number(this.text.slice(start + 1, lengthEnd));
      if (this.text.length < end + 2) return undefined;
      parts.push(this.text.slice(lengthEnd + 2, end));
    }
    this.offset = end + 2;
    return parts;
  }
}

/** A TCP server of a test, with what both kinds of node below share. */
abstract class TestNode implements NodeAddress {
  readonly host = HOST;
  port = 0;
  /** Connections that were accepted so far. */
  accepted = 0;
  private readonly server: Server;
  protected readonly sockets = new Set<Socket>();

  protected constructor() {
    this.server = createServer((socket) => {
      this.accepted++;
      this.keep(socket);
      this.serve(socket);
    });
  }

  get name(): string {
    return `${this.host}:${this.port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.sockets.size;
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  protected abstract serve(socket: Socket): void;

  protected keep(socket: Socket): void {
    this.sockets.add(socket);
    // a test cuts connections on purpose
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
  }

  protected async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, HOST, resolve);
    });
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }
}

/** What a fake node does about a request: the bytes to answer, or undefined for its usual answer. */
export type FakeAnswer = (request: Request, socket: Socket) => string | undefined;

/** Says nothing, and nothing more on this connection: a later answer would be taken for that of this request. */
export const SILENCE = '';

/**
 * A node for replies that no real server can be made to give. Where its script has nothing to say, it greets as
 * a server does, claims all slots for itself, and answers everything else with OK.
 */
export class FakeNode extends TestNode {
  /** All that was asked, in order. */
  readonly requests: Request[] = [];

  private constructor(private answer: FakeAnswer) {
    super();
  }

  /** @param port one that is free; by default the system chooses */
  static start(answer: FakeAnswer = () => undefined, port?: number): Promise<FakeNode> {
    return new FakeNode(answer).listen(port);
  }

  /** Goes on by another script. */
  become(answer: FakeAnswer): void {
    this.answer = answer;
  }

  /** Sends bytes that nobody asked for, on every connection. */
  say(bytes: string): void {
    for (const socket of this.sockets) socket.write(bytes, 'latin1');
  }

  /** Requests of that name so far. */
  asked(name: string): Request[] {
    return this.requests.filter((request) => request[0].toLowerCase() === name);
  }

  protected override serve(socket: Socket): void {
    const reader = new RequestReader();
    let silent = false;
    socket.on('data', (chunk) => {
      for (const request of reader.read(chunk)) {
        this.requests.push(request);
        if (silent) continue;
        const answer = this.answer(request, socket) ?? this.usual(request);
        silent = answer === SILENCE;
        if (!silent && !socket.destroyed) socket.write(answer, 'latin1');
      }
    });
  }

  private usual([name]: Request): string {
    return name.toLowerCase() === 'cluster' ? slotsReply([0, 16383, this]) : '+OK\r\n';
  }
}

/** A CLUSTER SLOTS reply: first slot, last slot, primary. */
export function slotsReply(...ranges: readonly (readonly [number, number, NodeAddress])[]): string {
  const entries = ranges.map(([first, last, { host, port }]) => {
    const id = String(port).padStart(40, '0');
    return `*3\r\n:${first}\r\n:${last}\r\n*3\r\n$${host.length}\r\n${host}\r\n:${port}\r\n$40\r\n${id}\r\n`;
  });
  return `*${entries.length}\r\n${entries.join('')}`;
}

/** Requests that reached a relay together. */
export type Chunk = readonly Request[];

/** Stands in front of a real node, passes everything on, and remembers what passed. */
export class Relay extends TestNode {
  /** What came from clients, each entry as it came in one piece. */
  readonly chunks: Chunk[] = [];
  /** Cuts a connection that carried such a request, once the node has answered and before the client hears of it. */
  losesReplyTo: (request: Request) => boolean = () => false;
  /** Strands a connection that carries such a request, which does not pass any more. */
  strandsAt: (request: Request) => boolean = () => false;
  /** What is to happen between the answer of the node and that cut. */
  beforeLoss: () => Promise<unknown> = () => Promise.resolve();

  private readonly stranded = new WeakSet<Socket>();

  private constructor(readonly target: NodeAddress) {
    super();
  }

  /** @param port one that is free; by default the system chooses */
  static start(target: NodeAddress, port?: number): Promise<Relay> {
    return new Relay(target).listen(port);
  }

  /** Requests of these names so far, upper or lower case; all without names. */
  seen(...names: string[]): Request[] {
    const requests = this.chunks.flat();
    return names.length === 0 ? requests : requests.filter(([name]) => names.includes(name.toLowerCase()));
  }

  /** Forgets what passed so far. */
  forget(): void {
    this.chunks.length = 0;
  }

  /** Nothing passes any more, either way, over the connections that are open, as after a NAT has forgotten them. */
  strand(): void {
    for (const socket of this.sockets) this.stranded.add(socket);
  }

  protected override serve(client: Socket): void {
    const node = connect(this.target.port, this.target.host).setNoDelay();
    this.keep(node);
    const reader = new RequestReader();
    let cutting = false;
    client.setNoDelay();
    client.on('data', (chunk) => {
      const requests = reader.read(chunk);
      if (requests.length > 0) this.chunks.push(requests);
      cutting ||= requests.some(this.losesReplyTo);
      if (requests.some(this.strandsAt)) {
        this.stranded.add(client);
        this.stranded.add(node);
      }
      if (!this.stranded.has(client)) node.write(chunk);
    });
    node.on('data', (chunk) => {
      if (cutting) void this.beforeLoss().finally(() => client.destroy());
      else if (!this.stranded.has(node)) client.write(chunk);
    });
    client.on('close', () => {
      if (!this.stranded.has(client)) node.destroy();
    });
    node.on('close', () => {
      if (!this.stranded.has(node)) client.destroy();
    });
  }
}

/** Relays for all nodes of a cluster, and what makes a client go through them. */
export class Relays {
  private constructor(private readonly relays: readonly Relay[]) {}

  static async start(nodes: readonly NodeAddress[]): Promise<Relays> {
    return new Relays(await Promise.all(nodes.map((node) => Relay.start(node))));
  }

  /** Options of a client that is to go through the relays. */
  get options(): { nodes: NodeAddress[]; addressRemap: (address: NodeAddress) => NodeAddress } {
    const nodes = this.relays.map(({ host, port }) => ({ host, port }));
    return { nodes, addressRemap: (address) => this.before(address) ?? address };
  }

  get all(): readonly Relay[] {
    return this.relays;
  }

  /** The relay in front of a node. */
  before({ host, port }: NodeAddress): Relay | undefined {
    return this.relays.find(({ target }) => target.host === host && target.port === port);
  }

  /** The relay that has this address itself. */
  at({ port }: NodeAddress): Relay {
    return this.relays.find((relay) => relay.port === port) as Relay;
  }

  /** Requests of these names that passed, over all relays; all without names. */
  seen(...names: string[]): Request[] {
    return this.relays.flatMap((relay) => relay.seen(...names));
  }

  forget(): void {
    for (const relay of this.relays) relay.forget();
  }

  async stop(): Promise<void> {
    await Promise.all(this.relays.map((relay) => relay.stop()));
  }
}
