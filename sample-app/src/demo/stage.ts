import type { LocalCluster } from 'keyslot/testing';

/** Another process of the application. */
export interface OtherProcess {
  /** Where it answers: `http://host:port`. */
  readonly url: string;
  close(): Promise<unknown>;
}

/** What `npm start` owns: the parts that a visitor of the demo may break or add. */
export interface Stage {
  readonly cluster: LocalCluster;
  /** Starts another process of the application. Resolves when it answers. */
  openProcess(): Promise<OtherProcess>;
}

/** The injection token of the stage. */
export const STAGE = Symbol('STAGE');
