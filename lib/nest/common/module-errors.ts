import { ClusterError } from '../../cluster/common/errors.js';

/** An entity class was undefined when it was named: its file and the one that names it import each other. */
export class CircularImportError extends ClusterError {
  constructor(where: string) {
    super(
      `An entity given to ${where} is undefined: most likely the file of the entity and the file that names it import ` +
        'each other, by themselves or through an index file. Import the entity from its own file, or move what both ' +
        'need to a third.',
      { code: 'CIRCULAR_IMPORT' },
    );
  }
}

/** Something names a cluster that the application does not have. */
export class UnknownClusterError extends ClusterError {
  constructor(name: string, wantedBy: string, options?: { cause?: unknown }) {
    const call =
      name === 'default' ? 'ClusterModule.forRoot()' : `ClusterModule.forRoot({ name: '${name}' })`;
    super(
      `${wantedBy} needs the cluster '${name}', and the application has none of this name: import ${call}, or its ` +
        'forRootAsync form with the same name, in the root module.',
      { code: 'UNKNOWN_CLUSTER' },
      options,
    );
  }
}
