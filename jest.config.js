import { swcOptions } from './scripts/swc-options.mjs';

export default {
  rootDir: import.meta.dirname,
  cacheDirectory: '<rootDir>/.cache/jest',
  testEnvironment: '<rootDir>/test/cluster-environment.mjs',
  globalSetup: '<rootDir>/test/run-folder.mjs',
  globalTeardown: '<rootDir>/test/run-folder-end.mjs',
  testSequencer: '<rootDir>/test/sequencer.mjs',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^keyslot$': '<rootDir>/lib/index.ts',
    '^keyslot/([a-z-]+)$': '<rootDir>/lib/$1/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': ['@swc/jest', swcOptions],
  },
  // room for a machine that is busy with other things
  testTimeout: 240_000,
  maxWorkers: 3,
  // modules of finished test files stay in a worker's memory: beyond this, collecting garbage takes longer than a restart
  workerIdleMemoryLimit: '1GB',
};
