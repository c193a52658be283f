import type { CallPolicy } from './command/call-policy.js';
import type { CommandResolver } from './command-resolver.js';
import type { CommandRunner } from './command-runner.js';
import type { ScriptRegistry } from './scripts/script-registry.js';
import type { ClusterNode } from './topology/topology.js';

/** Loads the function libraries of this client onto primaries that have joined the cluster. */
export class LibraryLoader {
  constructor(
    private readonly scripts: ScriptRegistry,
    private readonly resolver: CommandResolver,
    private readonly runner: CommandRunner,
    private readonly policy: CallPolicy,
  ) {}

  /** Loads every library onto those of the nodes that are primaries. */
  loadOn(nodes: readonly ClusterNode[]): void {
    for (const node of nodes) {
      if (node.role !== 'primary') continue;
      for (const code of this.scripts.libraries.values()) {
        // without REPLACE: the node may have a newer version. If this fails, the next FCALL reports it
        const call = this.resolver.resolve('function', ['LOAD', code]);
        this.runner.runSingle(call, this.policy, { buffers: false }, node).catch(() => {});
      }
    }
  }
}
