import { describe, expect, test } from 'vitest';
import { LocalBins, SiteBins } from './bins';

describe('bins of this device’s clock', () => {
  test('a byte belongs to the bin it arrives in', () => {
    const bins = new LocalBins(1000, 100_000);
    bins.add(1000, 1);
    bins.add(1099.9, 2);
    bins.add(1100, 4);
    expect(bins.complete(1200)).toEqual([3, 4]);
  });

  test('the bin that runs is left out, a stall is kept', () => {
    const bins = new LocalBins(0, 100_000);
    bins.add(50, 7);
    bins.add(420, 9);
    expect(bins.complete(400)).toEqual([7, 0, 0, 0]);
    expect(bins.complete(450)).toEqual([7, 0, 0, 0]);
    expect(bins.complete(99)).toEqual([]);
  });
});

describe('bins the site counted', () => {
  test('a bin is complete when every stream has passed it', () => {
    const bins = new SiteBins();
    bins.started(0);
    bins.started(1);
    bins.add(0, 0, 10);
    expect(bins.complete()).toEqual([]);
    bins.add(1, 0, 5);
    expect(bins.complete()).toEqual([15]);
    bins.add(0, 1, 10);
    bins.add(1, 2, 1);
    expect(bins.complete()).toEqual([15, 10]);
  });

  test('a stream that joins late does not take complete bins back', () => {
    const bins = new SiteBins();
    bins.started(0);
    bins.add(0, 0, 1);
    bins.add(0, 1, 1);
    expect(bins.complete()).toEqual([1, 1]);
    bins.started(1);
    expect(bins.complete()).toEqual([1, 1]);
    bins.add(0, 2, 1);
    bins.add(1, 2, 4);
    expect(bins.complete()).toEqual([1, 1, 5]);
  });

  test('a stream that ended holds nobody up', () => {
    const bins = new SiteBins();
    bins.started(0);
    bins.started(1);
    bins.add(0, 0, 1);
    bins.add(1, 0, 1);
    bins.add(0, 1, 1);
    bins.ended(1);
    expect(bins.complete()).toEqual([2, 1]);
  });
});
