import { expect, test } from '@playwright/test';
import { expectAccessible } from './accessible';
import { seeResult, standInDistrict1, startOn4g } from './journey';

test('a test counts for the ward it was made in', async ({ page, context, baseURL }) => {
  const foreign: string[] = [];
  context.on('request', (request) => {
    if (!request.url().startsWith(`${baseURL}/`)) foreign.push(request.url());
  });
  await standInDistrict1(context);
  await startOn4g(page);
  await seeResult(page);

  // Over loopback the browser itself is the limit on a busy machine, and says
  // so; the quota of the ward counts the test either way.
  const verdict = page.getByText(/^Được tính (cho Phường |một phần)/);
  await expect(verdict).toBeVisible();
  if ((await verdict.innerText()) === 'Được tính một phần') {
    await expect(page.getByText(/^Thiết bị đo quá tải khi đang đo/)).toBeVisible();
  }
  await expect(page.getByText(/^Được tính vào: chỉ tiêu mẫu của phường/)).toBeVisible();
  await expectAccessible(page);

  await page.getByRole('link', { name: 'Xem chi tiết' }).click();
  await expect(page).toHaveURL(/\/tests\/[0-9a-f-]+$/);
  const named = await page
    .getByText(/^Phường /)
    .first()
    .innerText();
  const ward = named.replace(/ \(.*/, '').trim();
  await expectAccessible(page);

  await page.getByRole('link', { name: 'Theo phường' }).click();
  const row = page.getByRole('article').filter({ hasText: ward });
  await expect(row.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '1');
  await expect(row).toContainText('1/300');
  expect(foreign).toEqual([]);
});

test('a result without network waits, survives a reload, and is sent', async ({
  page,
  context,
}) => {
  await standInDistrict1(context);
  await context.route('**/api/v1/tests', (route) => route.abort());
  await startOn4g(page);
  await seeResult(page);
  await expect(page.getByText('Đã lưu trên máy, đang chờ gửi')).toBeVisible();

  await page.reload();
  await expect(page.getByText('1 kết quả đang chờ gửi')).toBeVisible();
  await context.unroute('**/api/v1/tests');
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await expect(page.getByText('1 kết quả đang chờ gửi')).toBeHidden();
  await page.getByRole('listitem').getByRole('link').first().click();
  await expect(page.getByText('Mã lần đo')).toBeVisible();
});

test('without a position the page says why the test does not count', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('radio', { name: 'Tiết kiệm dữ liệu' }).check();
  await startOn4g(page);
  // The browser may leave its question open; nobody has to answer it.
  const skip = page.getByRole('button', { name: 'Đo không cần vị trí' });
  const running = page.getByRole('button', { name: 'Dừng đo' });
  await expect(skip.or(running).first()).toBeVisible();
  if (await skip.isVisible()) await skip.click({ timeout: 2000 }).catch(() => undefined);
  await seeResult(page);
  await expect(page.getByText(/Không có vị trí đủ chính xác/)).toBeVisible();
  await expect(page.getByText(/^Được tính cho /)).toHaveCount(0);
});
