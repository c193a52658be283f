import { connectChannel } from './channels.js';
import type { KeyslotConnectContext } from './contexts.js';
import { type ContextOptions, contextOf, traced } from './traced.js';

interface ConnectOptions extends ContextOptions {
  readonly tls: object | undefined;
}

/** Runs the start of a client, or of a connection to a node, and publishes its course. */
export function traceConnect<T>(
  purpose: KeyslotConnectContext['purpose'],
  options: ConnectOptions,
  node: { readonly host: string; readonly port: number } | undefined,
  run: () => Promise<T>,
): Promise<T> {
  if (!connectChannel.hasSubscribers) return run();
  const place = node && { node: `${node.host}:${node.port}`, address: node.host, port: node.port };
  const context = { ...contextOf(options), purpose, ...place, tls: options.tls !== undefined };
  return traced(connectChannel, context, run);
}
