// Documents and kit on a phone: a letter's preview, its fields, and what a unit shares.
import { execFileSync } from 'node:child_process';
import { expect, test, type Page } from '@playwright/test';
import { expectAccessible } from './accessible';

const BINARY = process.env['ISPEED_BIN'] ?? '../target/debug/ispeed';
const PASSWORD = 'mưa rào tháng bảy';
const MONTH = 'campaign=district-1&month=2024-11&synthetic=true';

/** An account that has taken up its invitation, signed in. */
async function signedIn(page: Page, email: string, ...role: string[]): Promise<void> {
  const data = process.env['ISPEED_E2E_DATA'] ?? '';
  const invite = ['user', 'invite', email, '--name', 'Số 1', '--role', ...role];
  const output = execFileSync(BINARY, [...invite, '--json', '--data', data], { encoding: 'utf8' });
  const { token } = JSON.parse(output) as { token: string };
  await page.request.post('/api/v1/office/invitations', { data: { token, password: PASSWORD } });
  const session = { email, password: PASSWORD };
  const signed = await page.request.post('/api/v1/office/session', { data: session });
  expect(signed.ok()).toBe(true);
}

async function fits(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  await expectAccessible(page);
}

test('the office previews the letter, corrects a field, and takes the files', async ({ page }) => {
  await signedIn(page, 'vanthu@quan1.example.vn', 'office');
  await page.goto(`/documents?${MONTH}`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Văn bản');
  const frame = page.locator('iframe[title="Công văn đôn đốc"]');
  await expect(frame).toBeVisible();
  await expect(page.getByRole('link', { name: 'DOCX' })).toBeVisible();
  await page.getByLabel('Số, ký hiệu').fill('4125UBND');
  await page.getByRole('button', { name: 'Xem trước' }).click();
  await expect(page.getByRole('alert')).toContainText('Một trường của văn bản chưa đúng');
  await page.getByLabel('Số, ký hiệu').fill('4125/UBND-VHTT');
  await page.getByLabel('Ngày ban hành').fill('2024-12-06');
  await page.getByRole('button', { name: 'Xem trước' }).click();
  await expect(frame).toHaveAttribute('src', /number=4125%2FUBND-VHTT&date=2024-12-06/);
  const src = (await frame.getAttribute('src')) ?? '';
  const answer = await page.request.get(src);
  expect(answer.headers()['content-type']).toBe('application/pdf');
  expect((await answer.body()).subarray(0, 4).toString()).toBe('%PDF');
  await fits(page);
  await page.screenshot({ path: 'test-results/documents.png', fullPage: true });
});

test('a coordinator has the papers and the kit of the own ward', async ({ page }) => {
  await signedIn(page, 'daumoi@quan1.example.vn', 'coordinator', '--unit', 'q1-p-ben-nghe');
  await page.goto(`/documents?${MONTH}`);
  await page.getByRole('combobox', { name: 'Văn bản' }).selectOption('Bản tin một trang');
  await expect(page.locator('iframe[title="Bản tin một trang"]')).toBeVisible();
  await page.getByRole('link', { name: 'Bộ tài liệu tuyên truyền' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Phường Bến Nghé');
  await expect(page.getByText('Kính thưa bà con Phường Bến Nghé')).toBeVisible();
  const code = page.getByRole('img', { name: /^Mã QR dẫn đến/ });
  await expect(code).toBeVisible();
  const drawn = await code.evaluate((image: HTMLImageElement) => image.naturalWidth);
  expect(drawn).toBeGreaterThan(0);
  await page.waitForLoadState('networkidle');
  await fits(page);
  await page.screenshot({ path: 'test-results/kit.png', fullPage: true });
  await page.goto(`/documents/q1-p-da-kao?${MONTH}`);
  await expect(page.getByText('không được xem hoặc sửa')).toBeVisible();
});
