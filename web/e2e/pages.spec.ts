import { expect, test } from '@playwright/test';
import { expectAccessible } from './accessible';

test('English is one tap away and stays', async ({ page }) => {
  await page.goto('/');
  await expect(page.locator('html')).toHaveAttribute('lang', 'vi');
  await page.getByRole('button', { name: 'English' }).click();
  await expect(page.getByRole('heading', { name: 'Measure mobile Internet' })).toBeVisible();
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await page.getByRole('button', { name: 'Tiếng Việt' }).click();
  await expect(page.getByRole('heading', { name: 'Đo Internet di động' })).toBeVisible();
});

test('sparing data is one tap, and stays', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('radio', { name: 'Chuẩn' })).toBeChecked();
  await expect(page.getByText('thường khoảng 42 MB')).toBeVisible();
  await page.getByRole('radio', { name: 'Tiết kiệm dữ liệu' }).check();
  await expect(page.getByText('thường khoảng 22 MB')).toBeVisible();
  await page.reload();
  await expect(page.getByRole('radio', { name: 'Tiết kiệm dữ liệu' })).toBeChecked();
});

test('a browser that spares data starts with the mode that does', async ({ page }) => {
  await page.addInitScript(() =>
    Object.defineProperty(navigator, 'connection', {
      value: Object.assign(new EventTarget(), { saveData: true }),
    }),
  );
  await page.goto('/');
  await expect(page.getByRole('radio', { name: 'Tiết kiệm dữ liệu' })).toBeChecked();
});

test('every page opens by its address and passes the accessibility check', async ({ page }) => {
  await page.goto('/');
  await expectAccessible(page);
  await page.goto('/wards?month=2024-11');
  await expect(page.getByRole('article').first()).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Bảng báo cáo của tháng' }).click();
  await expect(page.getByRole('table')).toBeVisible();
  await expectAccessible(page);
  await page.goto('/tests/00000000-0000-7000-8000-000000000000');
  await expect(page.getByText('Không tìm thấy lần đo này', { exact: false })).toBeVisible();
  await expectAccessible(page);
});

test('synthetic figures say so, loudly and beside each title', async ({ page }) => {
  await page.goto('/wards?month=2024-11&synthetic=true');
  await expect(page.getByRole('note')).toContainText('SỐ LIỆU MÔ PHỎNG');
  const wards = page.getByRole('article');
  await expect(wards.first()).toBeVisible();
  const said = page.getByRole('article').getByText('SỐ LIỆU MÔ PHỎNG');
  await expect(said).toHaveCount(await wards.count());
  await page.getByRole('link', { name: 'Bảng báo cáo của tháng' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('SỐ LIỆU MÔ PHỎNG');
});

test('nothing is wider than the phone', async ({ page }) => {
  for (const path of [
    '/',
    '/wards?month=2024-11&synthetic=true',
    '/campaigns/district-1/2024-11',
    '/receipt',
    '/areas/26740?month=2024-11',
    '/compare?month=2024-11',
    '/areas/26740?month=2024-11&synthetic=true',
    '/compare?month=2024-11&synthetic=true',
    '/problems?synthetic=true',
  ]) {
    await page.goto(path);
    await page.waitForLoadState('networkidle');
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBe(360);
  }
});

test('figures of an area and their comparison open by address and pass the check', async ({
  page,
}) => {
  await page.goto('/areas/26740?month=2024-11');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Phường Bến Nghé');
  await expectAccessible(page);
  await page.getByRole('link', { name: 'So sánh các địa bàn' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('So sánh các địa bàn');
  await expectAccessible(page);
});

test('whoever holds an id sees whether the test counted', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('link', { name: 'Kiểm tra' }).click();
  const field = page.getByLabel('Mã lần đo, đường dẫn hoặc biên nhận');
  await field.fill('không có mã');
  await page.getByRole('button', { name: 'Kiểm tra' }).click();
  await expect(page.getByRole('alert')).toContainText('Không thấy mã lần đo');
  await expectAccessible(page);
  await field.fill('{"test_id": "00000000-0000-7000-8000-000000000000"}');
  await page.getByRole('button', { name: 'Kiểm tra' }).click();
  await expect(page).toHaveURL(/\/tests\/00000000-0000-7000-8000-000000000000$/);
  await expect(page.getByText('Không tìm thấy lần đo này', { exact: false })).toBeVisible();
});
