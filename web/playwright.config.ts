// Journeys against the real server, with a fresh data directory each time.
import { mkdtempSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';

/** Where Debian puts it; browsers are never downloaded. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const BINARY = process.env['ISPEED_BIN'] ?? '../target/debug/ispeed';

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

// Every worker of Playwright reads this file; all have to find the same server.
process.env['ISPEED_E2E_PORT'] ??= String(await freePort());
process.env['ISPEED_E2E_TLS_PORT'] ??= String(await freePort());
process.env['ISPEED_E2E_DATA'] ??= mkdtempSync(join(tmpdir(), 'ispeed-e2e-'));
const address = `127.0.0.1:${process.env['ISPEED_E2E_PORT']}`;
const secure = `127.0.0.1:${process.env['ISPEED_E2E_TLS_PORT']}`;

export default defineConfig({
  testDir: 'e2e',
  // One test at a time: two that measure would measure each other.
  workers: 1,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  use: {
    baseURL: `http://${address}`,
    viewport: { width: 360, height: 800 },
    isMobile: true,
    hasTouch: true,
    headless: true,
    launchOptions: {
      executablePath: CHROMIUM,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  webServer: {
    // A synthetic month first, for the pages of figures: real figures need real tests.
    command:
      `${BINARY} simulate --month 2024-11 --wards 26740,26743 --tests 2400 --seed 3 --slow viettel@10.7798,106.7035` +
      ` --data ${process.env['ISPEED_E2E_DATA']} &&` +
      ` ${BINARY} problem detect --month 2024-11 --synthetic` +
      ` --data ${process.env['ISPEED_E2E_DATA']} &&` +
      ` exec ${BINARY} serve --data ${process.env['ISPEED_E2E_DATA']} --listen ${address}` +
      ` --tls-listen ${secure} --tls-self-signed 127.0.0.1` +
      ' --config ../testdata/config/loopback.toml',
    url: `http://${address}/healthz`,
    timeout: 60_000,
    stdout: 'ignore',
  },
});
