import type { Socket } from 'node:net';
import type { RedisOptions } from 'ioredis';
import { inProcessNode, type InProcessNode } from '../topology/in-process-nodes.js';

/** Returns the option by which an ioredis client reaches a node in this process; nothing for any other node. */
export function inProcessConnector(host: string): Pick<RedisOptions, 'Connector'> {
  const node = inProcessNode(host);
  return node ? { Connector: connectorOf(node) as unknown as RedisOptions['Connector'] } : {};
}

/** Returns a class with the members of ioredis' connectors. */
const connectorOf = (node: InProcessNode) =>
  class InProcessConnector {
    connecting = false;
    readonly firstError = undefined;
    private stream: Socket | undefined = undefined;

    check(): boolean {
      return true;
    }

    connect(): Promise<Socket> {
      this.connecting = true;
      return Promise.resolve((this.stream = node.connect()));
    }

    disconnect(): void {
      this.connecting = false;
      this.stream?.end();
    }
  };
