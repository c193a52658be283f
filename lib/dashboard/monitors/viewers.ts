import { ClusterMonitor, type MonitoredCluster } from './cluster-monitor.js';
import type { DashboardState, DashboardUpdate } from '../state/dashboard-state.js';

/** Someone who watches a cluster. */
export interface Viewer {
  /** Whether what was sent before has not left yet: nothing is sent then. */
  readonly isBehind: boolean;
  /** @param event `all` for everything, `change` for what has changed since the last message */
  send(event: 'all' | 'change', data: string): void;
  end(): void;
}

/** The viewers of one cluster. They share one monitor, which runs while there are any. */
export class Viewers {
  private readonly monitor: ClusterMonitor;
  /** Each viewer, and whether it has missed a change. */
  private readonly viewers = new Map<Viewer, { missed: boolean }>();
  /** What was sent last: each part of the state as text, and the ends of the history. */
  private readonly sent = new Map<keyof DashboardState, string>();
  private lastSample = 0;
  private lastLine = 0;

  constructor(cluster: MonitoredCluster) {
    this.monitor = new ClusterMonitor(cluster, () => this.publish());
  }

  get size(): number {
    return this.viewers.size;
  }

  /** Sends a viewer the present state, then each change. @returns ends it */
  add(viewer: Viewer): () => void {
    this.monitor.start();
    this.viewers.set(viewer, { missed: false });
    viewer.send('all', this.everything());
    return () => {
      if (this.viewers.delete(viewer) && this.viewers.size === 0) this.monitor.stop();
    };
  }

  /** Ends all viewers. */
  end(): void {
    for (const viewer of this.viewers.keys()) viewer.end();
    this.viewers.clear();
    this.monitor.stop();
  }

  private publish(): void {
    const change = this.change();
    for (const [viewer, status] of this.viewers) {
      if (viewer.isBehind) {
        status.missed = true;
      } else {
        if (status.missed) viewer.send('all', this.everything());
        else viewer.send('change', change);
        status.missed = false;
      }
    }
  }

  private everything(): string {
    const { state, samples, log } = this.monitor;
    const update: DashboardUpdate = { ...state, samples, log: log.after(0) };
    return JSON.stringify(update);
  }

  /** What has changed since the last call, as one text for all viewers. */
  private change(): string {
    const { state, samples, log } = this.monitor;
    const parts: Partial<Record<keyof DashboardState, unknown>> = {};
    for (const [name, part] of Object.entries(state ?? {}) as [keyof DashboardState, unknown][]) {
      const text = JSON.stringify(part);
      if (this.sent.get(name) === text) continue;
      this.sent.set(name, text);
      parts[name] = part;
    }
    const update: DashboardUpdate = {
      ...(parts as Partial<DashboardState>),
      samples: samples.filter(({ at }) => at > this.lastSample),
      log: log.after(this.lastLine),
    };
    this.lastSample = samples.at(-1)?.at ?? this.lastSample;
    this.lastLine = update.log.at(-1)?.id ?? this.lastLine;
    return JSON.stringify(update);
  }
}
