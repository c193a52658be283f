import { createRequire } from 'node:module';
import { TestEnvironment } from 'jest-environment-node';

/**
 * Jest cannot load a CommonJS package (`@nestjs/throttler`) that requires an ES module (Nest 12) on Node 20, and Node can.
 * Tests in this environment load such packages by `requireOutsideJest`, and Nest with its decorators with them, for there
 * are two of it then.
 */
export default class extends TestEnvironment {
  async setup() {
    await super.setup();
    this.global.requireOutsideJest = createRequire(import.meta.url);
  }
}
