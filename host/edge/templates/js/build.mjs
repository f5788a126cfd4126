// Builds src/app.js, with a JavaScript engine, into one component.

import { mkdir, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const { component } = await componentize({
  sourcePath: 'src/app.js',
  witPath: 'wit',
  worldName: 'app',
  // Calls out need a grant; leave this line away to have them.
  disableFeatures: ['http'],
});
await mkdir('dist', { recursive: true });
await writeFile('dist/{{name}}.wasm', component);
