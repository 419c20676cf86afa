// Over https the latency probes go as datagrams, in a browser that speaks QUIC.
import { expect, test } from '@playwright/test';
import { seeResult, standInDistrict1, startOn4g } from './journey';

interface Submitted {
  observed: { connection: string; idle: { sent: number; received: number; rtt_us: number[] } };
  receipt: { latency?: { echoes: number } };
}

test.use({
  baseURL: `https://127.0.0.1:${process.env['ISPEED_E2E_TLS_PORT']}`,
  ignoreHTTPSErrors: true,
  launchOptions: {
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  },
});

test('latency is measured by datagrams, and the result says so', async ({ page, context }) => {
  await standInDistrict1(context);
  const submitted = page.waitForRequest('**/api/v1/tests', { timeout: 80_000 });
  await startOn4g(page);
  await seeResult(page);
  const { observed, receipt } = (await submitted).postDataJSON() as Submitted;
  expect(observed.connection).toBe('webtransport');
  expect(observed.idle.received).toBeGreaterThan(0);
  expect(observed.idle.rtt_us.every((rtt) => rtt > 0)).toBe(true);
  expect(receipt.latency?.echoes).toBeGreaterThanOrEqual(observed.idle.received);
  await page.getByText('Chi tiết độ trễ').click();
  await expect(page.getByText(/Đo bằng datagram WebTransport/)).toBeVisible();
  await expect(page.getByText(/^Được tính cho Phường /)).toBeVisible();
});

test('where UDP is blocked a WebSocket carries them', async ({ page, context }) => {
  await standInDistrict1(context);
  // A port where nobody answers stands for a network that lets no UDP through.
  await context.route('**/api/v1/session', async (route) => {
    const answer = await route.fetch();
    const session = (await answer.json()) as { webtransport: { port: number } };
    session.webtransport.port = 9;
    await route.fulfill({ response: answer, json: session });
  });
  const submitted = page.waitForRequest('**/api/v1/tests', { timeout: 80_000 });
  await startOn4g(page);
  await seeResult(page);
  const { observed } = (await submitted).postDataJSON() as Submitted;
  expect(observed.connection).toBe('websocket');
});
