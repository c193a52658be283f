import { publicTests } from './test/public-tests.mjs';
import { swcOptions } from './scripts/swc-options.mjs';

/** Runs tests with the package that is in a folder, in files with this extension. */
const part = (folder, extension) => ({
  rootDir: import.meta.dirname,
  cacheDirectory: '<rootDir>/.cache/jest',
  testEnvironment: '<rootDir>/test/cluster-environment.mjs',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^keyslot$': `<rootDir>/${folder}/index.${extension}`,
    '^keyslot/([a-z-]+)$': `<rootDir>/${folder}/$1/index.${extension}`,
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': ['@swc/jest', swcOptions],
  },
});

const sources = part('lib', 'ts');

/** Tests that use public names alone run against the package as it is built, which loads in half the time. */
function builtAndSources() {
  const files = publicTests(import.meta.dirname).map((file) => `<rootDir>/${file}`);
  return [
    { ...part('dist', 'js'), testMatch: files },
    { ...sources, testMatch: [...sources.testMatch, ...files.map((file) => `!${file}`)] },
  ];
}

export default {
  ...(process.env.KEYSLOT_TEST_BUILT === '1' ? { projects: builtAndSources() } : sources),
  globalSetup: '<rootDir>/test/run-folder.mjs',
  globalTeardown: '<rootDir>/test/run-folder-end.mjs',
  testSequencer: '<rootDir>/test/sequencer.mjs',
  // room for a machine that is busy with other things
  testTimeout: 240_000,
  maxWorkers: 3,
  // modules of finished test files stay in a worker's memory: beyond this, collecting garbage takes longer than a restart
  workerIdleMemoryLimit: '1GB',
};
