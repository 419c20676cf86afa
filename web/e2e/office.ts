// Steps of whoever signs in.
import { execFileSync } from 'node:child_process';
import { expect, type Page } from '@playwright/test';

const BINARY = process.env['ISPEED_BIN'] ?? '../target/debug/ispeed';
const PASSWORD = 'mưa rào tháng bảy';

/** A command on the server's own store, and its JSON. */
export function ispeed(...args: string[]): Record<string, string> {
  const data = process.env['ISPEED_E2E_DATA'] ?? '';
  const output = execFileSync(BINARY, [...args, '--json', '--data', data], { encoding: 'utf8' });
  return JSON.parse(output) as Record<string, string>;
}

/** Takes an invitation up with the password of the journeys. */
export async function takeUp(page: Page, invited: Record<string, string>): Promise<void> {
  await page.goto(`/invitation#${invited['token']}`);
  await page.getByLabel('Mật khẩu mới').fill(PASSWORD);
  await page.getByRole('button', { name: 'Đặt mật khẩu' }).click();
  await page.getByRole('link', { name: 'Đăng nhập' }).click();
}

export async function signIn(page: Page, email: string): Promise<void> {
  await page.getByLabel('Thư điện tử').fill(email);
  await page.getByLabel('Mật khẩu').fill(PASSWORD);
  await page.getByRole('button', { name: 'Đăng nhập' }).click();
  await expect(page.getByText(email)).toBeVisible();
}
