// Functions of a sample that the parts of the method share.

export const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

/** Runs of `length` values; what is left over at the end belongs to none. */
export function batches(values: readonly number[], length: number): number[][] {
  const count = Math.floor(values.length / length);
  return Array.from({ length: count }, (_, k) => values.slice(k * length, (k + 1) * length));
}

/** Student's t, 0.975, by degrees of freedom from 1, in thousandths: whole, so that rules can be exact. */
const T_975 = [
  12_706, 4_303, 3_182, 2_776, 2_571, 2_447, 2_365, 2_306, 2_262, 2_228, 2_201, 2_179, 2_160, 2_145,
  2_131, 2_120, 2_110, 2_101, 2_093, 2_086, 2_080, 2_074, 2_069, 2_064, 2_060, 2_056, 2_052, 2_048,
  2_045, 2_042,
];
/** Stands in beyond the table, at most 4 % too wide. */
const T_975_BEYOND = 2_042;

export function tPerMille(degreesOfFreedom: number): number {
  return T_975[Math.max(1, degreesOfFreedom) - 1] ?? T_975_BEYOND;
}
