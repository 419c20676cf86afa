// The office on a phone: an invitation, a report, a unit's link, one's own data.
import { expect, test, type Page } from '@playwright/test';
import { expectAccessible } from './accessible';
import { ispeed, signIn, takeUp } from './office';

const MONTH = '2025-05';

async function signedIn(page: Page, email: string, ...role: string[]): Promise<void> {
  await takeUp(page, ispeed('user', 'invite', email, '--name', 'Số 1', '--role', ...role));
  await expectAccessible(page);
  await page.getByLabel('Thư điện tử').fill(email);
  await page.getByLabel('Mật khẩu').fill('sai mật khẩu');
  await page.getByRole('button', { name: 'Đăng nhập' }).click();
  await expect(page.getByRole('alert')).toContainText('không đúng');
  await signIn(page, email);
}

async function fits(page: Page): Promise<void> {
  await page.waitForLoadState('networkidle');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  await expectAccessible(page);
}

test('a coordinator writes and sends the report of the own unit, and sees no other', async ({
  page,
}) => {
  const email = 'bennghe@quan1.example.vn';
  await signedIn(page, email, 'coordinator', '--unit', 'q1-p-ben-nghe');
  await page.goto(`/office?campaign=district-1&month=${MONTH}`);
  await expect(page.getByRole('link', { name: 'Ủy ban nhân dân Phường' })).toHaveCount(1);
  await expect(page.getByRole('heading', { name: 'Bảng thi đua' })).toBeVisible();
  await fits(page);
  await page.getByRole('link', { name: 'Ủy ban nhân dân Phường Bến Nghé' }).click();
  await expect(page.getByText('0/300')).toBeVisible();
  await page.getByLabel('Kết quả triển khai').fill('Đã phát thanh ba lần');
  await page.getByRole('button', { name: 'Lưu nháp' }).click();
  await expect(page.getByText('Đang soạn').first()).toBeVisible();
  await fits(page);
  await page.getByRole('button', { name: 'Gửi báo cáo' }).click();
  await expect(page.getByText('Đã gửi').first()).toBeVisible();
  await expect(page.getByText('Đã phát thanh ba lần')).toBeVisible();
  await page.goto(`/office/q1-p-da-kao?campaign=district-1&month=${MONTH}`);
  await expect(page.getByText('không được xem hoặc sửa')).toBeVisible();
});

test('somebody joins by a unit’s link, sees everything, and has it erased', async ({ page }) => {
  const link = ispeed('member', 'link', 'q1-p-ben-nghe', '--campaign', 'district-1');
  await page.goto(link['path'] ?? '');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Phường Bến Nghé');
  await expect(page.getByRole('button', { name: 'Tham gia' })).toBeDisabled();
  await fits(page);
  await page.getByRole('checkbox').first().check();
  await page.getByRole('button', { name: 'Tham gia' }).click();
  await expect(page.getByText('thành viên số 1')).toBeVisible();
  await page.getByRole('link', { name: 'Dữ liệu của tôi' }).click();
  await expect(page.getByText('Ghi nhận đã đo hay chưa theo ngày: đồng ý')).toBeVisible();
  await fits(page);
  await page.getByRole('button', { name: 'Rút lại' }).first().click();
  await expect(page.getByText('theo ngày: không đồng ý')).toBeVisible();
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Xóa dữ liệu của tôi' }).click();
  await expect(page.getByText('chưa là thành viên')).toBeVisible();
});
