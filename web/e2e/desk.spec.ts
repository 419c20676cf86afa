// The office's own pages: a list with a mistake, the corrected one, the trail;
// and what a coordinator gets to see of all that.
import { expect, test, type Page } from '@playwright/test';
import { expectAccessible } from './accessible';
import { ispeed, signIn, takeUp } from './office';

const MONTH = '2025-05';
const OFFICE = 'vhtt@quan1.example.vn';
const COORDINATOR = 'dakao@quan1.example.vn';

const csv = (name: string, ...lines: string[]) => ({
  name,
  mimeType: 'text/csv',
  buffer: Buffer.from(lines.join('\n') + '\n', 'utf8'),
});

const at = (page: string): string => `/${page}?campaign=district-1&month=${MONTH}`;

/** On a phone and on a desk nothing hangs over, and a machine finds no barrier. */
async function looked(page: Page, name: string): Promise<void> {
  await page.waitForLoadState('networkidle');
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    await expectAccessible(page);
    await page.emulateMedia({ colorScheme: 'light' });
    const folder = process.env['ISPEED_SHOTS'];
    if (folder) await page.screenshot({ path: `${folder}/${name}-${width}.png`, fullPage: true });
  }
  await page.setViewportSize({ width: 390, height: 844 });
}

test('the office previews a list with a mistake, takes the corrected one, and finds it in the trail', async ({
  page,
}) => {
  await takeUp(page, ispeed('user', 'invite', OFFICE, '--name', 'Số 1', '--role', 'office'));
  await signIn(page, OFFICE);
  await expect(page.getByRole('link', { name: 'Cơ quan', exact: true })).toBeVisible();
  await page.goto(at('members'));
  await expect(page.getByRole('link', { name: 'Ủy ban nhân dân Phường Bến Nghé' })).toBeVisible();
  const choose = page.getByLabel('Chọn tệp CSV hoặc XLSX');
  const header = 'Mã đơn vị,Mã thành viên,Họ và tên,Thư điện tử';
  await choose.setInputFiles(
    csv('sai.csv', header, 'q1-p-da-kao,001,Số 1,', 'q1-p-sai,002,Số 2,', 'q1-p-da-kao,001,,khong'),
  );
  await expect(page.getByText('2 lỗi')).toBeVisible();
  await expect(page.getByRole('cell', { name: 'Mã đơn vị' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Xác nhận nhập' })).toHaveCount(0);
  await looked(page, 'members-mistakes');
  await choose.setInputFiles(
    csv('dung.csv', header, 'q1-p-da-kao,001,Số 1,', 'q1-p-da-kao,002,Số 2,'),
  );
  await expect(page.getByText('2 dòng mới')).toBeVisible();
  await page.getByRole('button', { name: 'Xác nhận nhập' }).click();
  await expect(page.getByText('Đã nhập danh sách.')).toBeVisible();
  await page.getByRole('link', { name: 'Ủy ban nhân dân Phường Đa Kao' }).click();
  await expect(page.getByText('Chưa tham gia')).toHaveCount(2);
  await page.getByRole('button', { name: 'Hiện liên kết của đơn vị' }).click();
  await expect(page.getByRole('img', { name: /Mã QR/ })).toBeVisible();
  await looked(page, 'members-unit');
  await page.getByRole('link', { name: 'Nhật ký' }).click();
  await page.getByLabel('Việc gì').fill('roster');
  await page.getByRole('button', { name: 'Lọc' }).click();
  await expect(page.getByText('nhập danh sách thành viên: district-1')).toBeVisible();
  await expect(page.getByText(/đăng nhập/)).toHaveCount(0);
  await looked(page, 'audit');
});

test('the office looks through directory, calendar, reconciliation and accounts', async ({
  page,
}) => {
  await takeUp(page, ispeed('user', 'invite', OFFICE, '--name', 'Số 1', '--role', 'office'));
  await signIn(page, OFFICE);
  await page.goto(at('directory'));
  await page
    .getByLabel('Chọn tệp CSV hoặc XLSX')
    .setInputFiles(csv('danh-ba.csv', 'Mã,Loại,Tên,Trực thuộc', 'q1-moi,Trường học,Trường Mới,q1'));
  await expect(page.getByText('Mới: Trường Mới')).toBeVisible();
  await looked(page, 'directory');
  await page.goto(at('calendar'));
  await expect(page.getByText('Báo cáo gửi trước ngày 10')).toBeVisible();
  await looked(page, 'calendar');
  await page.goto(at('reconciliation'));
  await expect(page.getByText('Chưa có số liệu chính thức')).toBeVisible();
  await looked(page, 'reconciliation');
  await page.goto(at('accounts'));
  await page.getByLabel('Thư điện tử').fill('moi@quan1.example.vn');
  await page.getByLabel('Họ và tên').fill('Số 3');
  await page.getByLabel('Vai trò').selectOption('reader');
  await page.getByRole('button', { name: 'Tạo lời mời' }).click();
  await expect(page.getByText(/\/invitation#[0-9a-f]{64}/)).toBeVisible();
  await expect(page.getByText('chưa nhận lời mời')).toBeVisible();
  await looked(page, 'accounts');
  const line = page.getByRole('listitem').filter({ hasText: 'moi@quan1.example.vn' });
  await line.getByRole('button', { name: 'Khóa tài khoản' }).click();
  await line.getByRole('button', { name: 'Khóa thật' }).click();
  await expect(line.getByText('đã khóa')).toBeVisible();
});

test('a coordinator sees the own unit and nothing of the office', async ({ page }) => {
  const role = ['--role', 'coordinator', '--unit', 'q1-p-da-kao'];
  await takeUp(page, ispeed('user', 'invite', COORDINATOR, '--name', 'Số 2', ...role));
  await signIn(page, COORDINATOR);
  await page.goto(at('calendar'));
  const nav = page.getByRole('navigation', { name: 'Trang của cơ quan' });
  await expect(nav.getByRole('link')).toHaveText(['Báo cáo', 'Thành viên', 'Lịch báo cáo']);
  await nav.getByRole('link', { name: 'Thành viên' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Phường Đa Kao');
  await page
    .getByLabel('Chọn tệp CSV hoặc XLSX')
    .setInputFiles(csv('khac.csv', 'Mã đơn vị,Mã thành viên', 'q1-p-ben-nghe,001'));
  await expect(page.getByText('is not your unit')).toBeVisible();
  await looked(page, 'coordinator');
  for (const other of ['members/q1-p-ben-nghe', 'audit', 'accounts', 'reconciliation']) {
    await page.goto(at(other));
    await expect(page.getByText('không được xem hoặc sửa').first()).toBeVisible();
  }
});
