// Steps that several journeys share.
import { expect, type BrowserContext, type Page } from '@playwright/test';

/** A test lasts about 5 to 15 s; a busy machine needs more. */
export const TEST_LASTS = 45_000;

export async function standInDistrict1(context: BrowserContext): Promise<void> {
  await context.grantPermissions(['geolocation']);
  await context.setGeolocation({ latitude: 10.7798, longitude: 106.699, accuracy: 12 });
}

export async function startOn4g(page: Page): Promise<void> {
  await page.goto('/');
  await page.getByRole('radio', { name: '4G/5G' }).check();
  await page.getByRole('radio', { name: '4G', exact: true }).check();
  await page.getByRole('button', { name: 'Bắt đầu đo' }).click();
}

export async function seeResult(page: Page): Promise<void> {
  await expect(page.getByRole('heading', { name: 'Kết quả đo' })).toBeVisible({
    timeout: TEST_LASTS,
  });
  await expect(page.getByText('Không đo được')).toHaveCount(0);
  await expect(page.getByText('Mbit/s')).toHaveCount(2);
}
