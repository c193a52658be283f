import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalCluster, LocalNode } from 'keyslot/testing';

/** A program in place of the server's, which starts the server in a certain way. */
export function serverProgram(name: 'with-clock' | 'with-full-disk' | 'with-upgrade'): string {
  return join(process.cwd(), 'test', 'faults', 'harness', 'servers', `${name}.sh`);
}

/** Sets how far a server's clock is off, in whole seconds. It may take a second. */
export function setClock(cluster: LocalCluster, node: LocalNode, seconds: number): void {
  writeIn(cluster, node, 'clock', seconds < 0 ? `${seconds}\n` : `+${seconds}\n`);
}

/** Makes a node another program from its next start on. */
export function upgradeAtRestart(cluster: LocalCluster, node: LocalNode): void {
  writeIn(cluster, node, 'upgraded', '');
}

function writeIn({ dir }: LocalCluster, { port }: LocalNode, name: string, text: string): void {
  writeFileSync(join(dir, String(port), name), text);
}
