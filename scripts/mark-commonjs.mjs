// npm run build:cjs: tells Node.js that what was built into dist/cjs is CommonJS, as the package itself is not.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

writeFileSync(join(root, 'dist', 'cjs', 'package.json'), '{ "type": "commonjs" }\n');
