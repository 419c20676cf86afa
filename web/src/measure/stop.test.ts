import { describe, expect, test } from 'vitest';
import { MODES } from '../api/schema';
import { latestStop, modeOf, stopPoint } from './stop';

const row = (count: number, bytes: number): number[] => Array<number>(count).fill(bytes);
const steady = row(99, 500_000);

describe('the stop rules', () => {
  test('a steady link stops at the first chance', () => {
    expect(stopPoint('accurate', steady)).toEqual({ bins: 38, why: 'converged' });
    expect(stopPoint('saver', steady)).toEqual({ bins: 16, why: 'converged' });
    expect(stopPoint('full', steady)).toBeUndefined();
  });

  test('a silent line does not settle', () => {
    const died = [...row(8, 500_000), ...row(60, 0)];
    expect(stopPoint('saver', died)).toEqual({ bins: 28, why: 'time_cap' });
  });

  test('a late ramp still gets its bins', () => {
    const growing = Array.from({ length: 80 }, (_, i) => i ** 3);
    expect(stopPoint('saver', growing)?.bins).toBe(48);
  });

  test('later bins never move the stop', () => {
    const rough = Array.from({ length: 130 }, (_, i) => 200_000 + ((i * i * 7_919) % 600_011));
    for (const mode of MODES) {
      const whole = stopPoint(mode, rough);
      expect(stopPoint(mode, rough.slice(0, whole?.bins))).toEqual(whole);
      expect(stopPoint(mode, rough.slice(0, (whole?.bins ?? 0) - 1))).toBeUndefined();
    }
  });

  test('the latest stop only comes nearer', () => {
    expect(latestStop('saver', [])).toBe(48);
    expect(latestStop('saver', steady)).toBe(28);
    expect(latestStop('accurate', steady)).toBe(80);
    expect(latestStop('full', [])).toBe(100);
    expect(latestStop('full', steady)).toBe(100);
  });
});

test('a mode of a later version is none', () => {
  expect(MODES.map(modeOf)).toEqual([...MODES]);
  expect(modeOf('warp')).toBeUndefined();
});
