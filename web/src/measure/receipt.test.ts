import { expect, test } from 'vitest';
import type { ReceiptSubtest } from '../api/schema';
import { observed } from './direction';
import { downloadOfReceipt, uploadOfReceipt, usedBytes } from './receipt';

const upload = (bins: number[], duration_us: number): ReceiptSubtest => ({
  duration_us,
  bin_us: 100_000,
  bins_bytes: bins,
  stop: 'client',
});

test('the last, partial bin is left out', () => {
  const bins = [...Array<number>(110).fill(500_000), 3];
  const receipt = { test_id: 't', upload: upload(bins, 11_034_000) };
  expect(uploadOfReceipt(receipt, { stop_reason: 'fixed' }, 'full')).toMatchObject({
    goodput_bits_per_second: 40_000_000,
    bytes: 55_000_000,
    duration_us: 11_000_000,
    stop_reason: 'fixed',
  });
});

test('what came after the stop does not matter', () => {
  const bins = [...Array<number>(38).fill(500_000), 9_000_000, 9_000_000, 3];
  const receipt = { test_id: 't', upload: upload(bins, 4_034_000) };
  expect(uploadOfReceipt(receipt, { stop_reason: 'time_cap' }, 'accurate')).toMatchObject({
    goodput_bits_per_second: 40_000_000,
    duration_us: 4_000_000,
    stop_reason: 'converged',
  });
});

test('the speed is that of what had arrived, where the site tells', () => {
  const jumps = Array.from({ length: 110 }, (_, i) => (i % 10 === 9 ? 5_000_000 : 0));
  const arrived_bytes = Array<number>(110).fill(500_000);
  const record = { ...upload(jumps, 11_000_000), arrived_bytes };
  const receipt = { test_id: 't', upload: record, download: record };
  const goodput_bits_per_second = 40_000_000;
  const seen = uploadOfReceipt(receipt, { stop_reason: 'fixed' }, 'full');
  expect(seen).toMatchObject({ goodput_bits_per_second, bins_bytes: jumps });
  const counted = observed('full', jumps, 'fixed');
  expect(downloadOfReceipt(receipt, counted, 'full')).toMatchObject({
    goodput_bits_per_second,
    bins_bytes: jumps,
  });
  expect(downloadOfReceipt({ test_id: 't' }, counted, 'full')).toBe(counted);
});

test('a direction the site did not see is absent', () => {
  expect(uploadOfReceipt({ test_id: 't' }, { stop_reason: 'fixed' }, 'full')).toBeUndefined();
});

test('a direction too short has no speed', () => {
  const receipt = { test_id: 't', upload: upload(Array<number>(15).fill(9), 1_500_000) };
  const got = uploadOfReceipt(receipt, { stop_reason: 'byte_cap' }, 'full');
  expect(got?.stop_reason).toBe('byte_cap');
  expect(got && 'goodput_bits_per_second' in got).toBe(false);
});

test('data used is what both ends saw', () => {
  const receipt = { test_id: 't', download: upload([5, 5], 200_000), upload: upload([7], 90_000) };
  expect(usedBytes(receipt, undefined)).toBe(17);
});
