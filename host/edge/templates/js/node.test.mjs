// The plugin in a node.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const EDGE = process.env.EDGE ?? '{{edge}}';

test('it greets', async () => {
  const data = await mkdtemp(join(tmpdir(), 'edge-'));
  const node = spawn(EDGE, ['serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      EDGE_DATA_DIR: data,
      EDGE_PLUGINS: import.meta.dirname,
      EDGE_LISTEN: '127.0.0.1:0',
      EDGE_ADMIN_LISTEN: '127.0.0.1:0',
    },
  });
  try {
    const address = await serves(node);
    const reply = await fetch(`${address}/{{name}}/Ada`);
    assert.equal(reply.status, 200);
    assert.deepEqual(await reply.json(), { greeting: 'Hello, Ada!' });
  } finally {
    node.kill();
    await new Promise((ended) => node.once('exit', ended));
    await rm(data, { recursive: true });
  }
});

function serves(node) {
  return new Promise((found, failed) => {
    let said = '';
    node.once('exit', () => failed(new Error(`the node does not start: ${said}`)));
    node.stdout.on('data', (more) => {
      said += more;
      const address = said.match(/edge serves on (\S+)/);
      if (address && said.includes('Try:')) found(address[1]);
    });
  });
}
