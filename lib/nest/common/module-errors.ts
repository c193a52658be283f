import { ClusterError } from '../../cluster/common/errors.js';

/** An entity class was undefined when a module or decorator used it, because two files import each other. */
export class CircularImportError extends ClusterError {
  constructor(where: string) {
    super(
      `An entity passed to ${where} is undefined. Most likely, the file of the entity and the file that uses it import ` +
        'each other, directly or through an index file. Import the entity from its own file, or move what both files ' +
        'need to a third one.',
      { code: 'CIRCULAR_IMPORT' },
    );
  }
}

/** A handler or repository uses a cluster that the application does not have. */
export class UnknownClusterError extends ClusterError {
  constructor(name: string, wantedBy: string, options?: { cause?: unknown }) {
    const call =
      name === 'default' ? 'ClusterModule.forRoot()' : `ClusterModule.forRoot({ name: '${name}' })`;
    super(
      `${wantedBy} needs the cluster '${name}', but the application has no cluster of this name. Import ${call}, or ` +
        'forRootAsync with the same name, in the root module.',
      { code: 'UNKNOWN_CLUSTER' },
      options,
    );
  }
}
