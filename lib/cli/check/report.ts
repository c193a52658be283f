import type { Style, Terminal } from '../common/terminal.js';
import { counted } from '../common/counted.js';
import { printable } from '../common/printable.js';
import { remappingsOf, type Remapping } from './address-check.js';
import type { ClusterFacts } from './collect-facts.js';
import type { Finding, FindingStatus } from './finding.js';
import { versionOf } from './server-checks.js';

/** A finding with the name of its check. */
export interface NamedFinding extends Finding {
  readonly id: string;
}

/** What `keyslot check --json` prints. Fields may be added, never renamed or removed. */
export interface CheckReport {
  readonly version: 1;
  /** Whether there is no problem. */
  readonly fit: boolean;
  readonly nodes: readonly {
    readonly id: string;
    /** Where it was reached. */
    readonly address: string;
    readonly role: 'primary' | 'replica';
    readonly primaryId: string | null;
    readonly version: string | null;
  }[];
  /** What `addressRemap` should map; empty if clients can use the announced addresses. */
  readonly addressRemap: readonly Remapping[];
  readonly checks: readonly {
    readonly id: string;
    readonly status: FindingStatus;
    readonly summary: string;
    readonly details: readonly string[];
    readonly advice: string | null;
  }[];
}

export function reportOf({ nodes, unusable }: ClusterFacts, findings: readonly NamedFinding[]): CheckReport {
  return {
    version: 1,
    fit: findings.every(({ status }) => status !== 'problem'),
    nodes: nodes.map((node) => ({
      id: node.id,
      address: node.name,
      role: node.self.role,
      primaryId: node.self.primaryId ?? null,
      version: versionOf(node) ?? null,
    })),
    addressRemap: remappingsOf(unusable),
    checks: findings.map(({ id, status, summary, details = [], advice = null }) => ({
      id,
      status,
      summary,
      details,
      advice,
    })),
  };
}

const STYLES: Readonly<Record<FindingStatus, Style>> = {
  ok: 'green',
  note: 'cyan',
  warning: 'yellow',
  problem: 'red',
  unknown: 'dim',
};

/** Prints a report for people. */
export function printReport(terminal: Terminal, { fit, nodes, checks }: CheckReport): void {
  const primaries = nodes.filter(({ role }) => role === 'primary').length;
  const size = `${counted(primaries, 'primary', 'primaries')} and ${counted(nodes.length - primaries, 'replica')}`;
  terminal.print(`Checked ${size}: ${nodes.map(({ address }) => address).join(', ')}`);
  terminal.print();
  const width = Math.max(...checks.map(({ id }) => id.length));
  const indent = ' '.repeat('problem'.length + width + 4);
  for (const { id, status, summary, details, advice } of checks) {
    const word = terminal.style(STYLES[status], status.padEnd('problem'.length));
    terminal.print(`${word}  ${id.padEnd(width)}  ${printable(summary)}`);
    for (const detail of details) terminal.print(`${indent}- ${printable(detail)}`);
    if (advice === null || status === 'ok') continue;
    for (const [i, line] of advice.split('\n').entries())
      terminal.print(`${indent}${i === 0 ? '→ ' : '  '}${printable(line)}`);
  }
  terminal.print();
  const count = (wanted: FindingStatus): number => checks.filter(({ status }) => status === wanted).length;
  const verdict = fit
    ? terminal.style('green', 'The cluster is fit')
    : terminal.style('red', `The cluster has ${counted(count('problem'), 'problem')}`);
  terminal.print(count('warning') > 0 ? `${verdict}, with ${counted(count('warning'), 'warning')}` : verdict);
}
