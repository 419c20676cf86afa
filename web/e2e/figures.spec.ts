// What a page of figures shows is what the API says, to the last digit shown;
// and what was found slow can be looked at.
import { expect, test, type APIRequestContext, type Page } from '@playwright/test';
import { expectAccessible } from './accessible';

interface Figure {
  state: 'published' | 'withheld';
  median?: number;
  median_interval?: [number, number];
  mean?: number;
  p25?: number;
  p75?: number;
  grade?: string;
}

interface Row {
  operator: string;
  technology: string;
  tests: number;
  devices: number;
  [metric: string]: unknown;
}

const ABSENT = '—';
const BASE = '/api/v1/areas/26740/figures?month=2024-11&synthetic=true';

/** Numbers as Vietnamese writes them, written here once more by hand. */
function written(value: number, decimals: number): string {
  const scale = 10 ** decimals;
  const [whole = '', fraction] = (Math.round(value * scale) / scale).toFixed(decimals).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, '.');
  return fraction === undefined ? grouped : `${grouped},${fraction}`;
}

function decimals(metric: string, shown: number): number {
  if (metric === 'idle_rtt_us') return shown < 10 ? 1 : 0;
  if (shown < 1) return 2;
  return shown < 100 ? 1 : 0;
}

function one(metric: string, value: number): string {
  const shown = metric === 'idle_rtt_us' ? value / 1000 : value / 1e6;
  return written(shown, decimals(metric, shown));
}

function two(metric: string, [low, high]: [number, number]): string {
  if (metric === 'idle_rtt_us') return `${one(metric, low)}–${one(metric, high)}`;
  const places = decimals(metric, high / 1e6);
  return `${written(low / 1e6, places)}–${written(high / 1e6, places)}`;
}

/** The cells of a row as the table has to show them. */
function cells(row: Row, metric: string): string[] {
  const figure = row[metric] as Figure | undefined;
  const counts = [written(row.tests, 0), written(row.devices, 0)];
  if (figure?.state !== 'published') {
    const median = figure === undefined ? ABSENT : 'Chưa đủ mẫu';
    return [median, ABSENT, ABSENT, ABSENT, ABSENT, ...counts];
  }
  const { median = NaN, median_interval, grade, mean, p25, p75 } = figure;
  return [
    one(metric, median),
    median_interval ? two(metric, median_interval) : ABSENT,
    grade ?? ABSENT,
    mean === undefined ? ABSENT : one(metric, mean),
    p25 === undefined || p75 === undefined ? ABSENT : two(metric, [p25, p75]),
    ...counts,
  ];
}

/** The rows of every table of the page, in order: cells without the name. */
async function shown(page: Page): Promise<string[][]> {
  const rows = page.locator('table tbody tr');
  const texts = [];
  for (const row of await rows.all()) texts.push(await row.locator('td').allInnerTexts());
  return texts;
}

async function rowsOf(request: APIRequestContext): Promise<Row[]> {
  const table = (await (await request.get(BASE)).json()) as { figures: Row[] };
  return table.figures;
}

for (const metric of ['download_bits_per_second', 'upload_bits_per_second', 'idle_rtt_us']) {
  test(`the page shows ${metric} as the API has it`, async ({ page, request }) => {
    const rows = await rowsOf(request);
    await page.goto(`/areas/26740?month=2024-11&synthetic=true&metric=${metric}`);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('Phường Bến Nghé');
    const order = ['mobile', '5g', '4g', '3g', '2g', 'mobile_other', 'fixed'];
    const want = order.flatMap((technology) => {
      const of = rows.filter((row) => row.technology === technology);
      const weight = (row: Row): number => (row.operator === 'all' ? Infinity : row.tests);
      return of.sort((a, b) => weight(b) - weight(a)).map((row) => cells(row, metric));
    });
    expect(want.length).toBeGreaterThan(5);
    expect(want.flat().filter((cell) => cell.includes('–')).length).toBeGreaterThan(2);
    const collapsed = (table: string[][]): string[][] =>
      table.map((row) => row.map((cell) => cell.replace(/\s+/g, ' ').trim()));
    expect(collapsed(await shown(page))).toEqual(collapsed(want));
  });
}

test('the ward list shows the median that the API has', async ({ page, request }) => {
  const rows = await rowsOf(request);
  const all = rows.find((row) => row.operator === 'all' && row.technology === 'mobile');
  const median = (all?.['download_bits_per_second'] as Figure).median ?? NaN;
  await page.goto('/wards?month=2024-11&synthetic=true');
  const ward = page.getByRole('article').filter({ hasText: 'Phường Bến Nghé' });
  await expect(ward).toContainText(one('download_bits_per_second', median));
});

test('a problem area is reached from its ward and shows its evidence', async ({
  page,
  request,
}) => {
  const list = (await (await request.get('/api/v1/problem-areas?synthetic=true')).json()) as {
    problem_areas: { problem_id: string; area?: { code: string }; below: number }[];
  };
  const area = list.problem_areas.find((line) => line.area?.code === '26740');
  expect(area, JSON.stringify(list)).toBeDefined();
  await page.goto('/areas/26740?month=2024-11&synthetic=true');
  await page.getByRole('link', { name: 'Vùng yếu trong địa bàn' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Vùng yếu');
  await expect(page.getByRole('note')).toContainText('SỐ LIỆU MÔ PHỎNG');
  await expectAccessible(page);
  await page.locator(`a[href="/problems/${area?.problem_id}"]`).click();
  await expect(page.getByText('Mới phát hiện').first()).toBeVisible();
  const map = page.getByAltText('Bản đồ vùng yếu');
  await expect(map).toBeVisible();
  expect(await map.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(300);
  await expect(page.getByRole('table').first()).toBeVisible();
  await expectAccessible(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Tải CSV cho nhà mạng' }).click();
  expect((await download).suggestedFilename()).toContain('hand-over');
});

test('a problem area that is not there is said so', async ({ page }) => {
  await page.goto('/problems/nowhere');
  await expect(page.getByRole('alert')).toContainText('Không có vùng yếu này');
  await page.goto('/problems');
  await expect(page.getByText('Chưa thấy vùng yếu nào.')).toBeVisible();
  await expectAccessible(page);
});
