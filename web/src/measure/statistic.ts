// Functions of a sample that the parts of the method share.

export const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
