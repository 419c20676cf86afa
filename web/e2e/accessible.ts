// WCAG 2.1 A and AA, as far as a machine can tell, in light and in dark.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, type Page } from '@playwright/test';
import type { AxeResults, RunOptions } from 'axe-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const options: RunOptions = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] };

interface WithAxe {
  axe: { run(context: Document, options: RunOptions): Promise<AxeResults> };
}

export async function expectAccessible(page: Page): Promise<void> {
  // Evaluated, not added as an element, which the page's own policy forbids.
  await page.evaluate(AXE);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await page.evaluate(
      (run) => (window as unknown as WithAxe).axe.run(document, run),
      options,
    );
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(' ')}`);
    expect(found, `${page.url()} in ${colorScheme}`).toEqual([]);
  }
}
