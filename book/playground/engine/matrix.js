/** The one product of matrices that networks need, in all its transposes. */

/**
 * out = A B, where A[i, k] = a[i * aRow + k * aColumn] and B[k, j] = b[k * bRow + j * bColumn]: strides, so that
 * a transpose costs no copy. Blocks of 2 x 4 sums stay in registers.
 *
 * @param {Float64Array} out (rows, columns), row by row
 * @param {Float64Array} a
 * @param {Float64Array} b
 * @param {{rows: number, columns: number, inner: number, aRow: number, aColumn: number, bRow: number,
 *   bColumn: number}} shape
 */
export function multiply(out, a, b, shape) {
  const { rows, columns, inner, aRow, aColumn, bRow, bColumn } = shape;
  const evenRows = rows - (rows % 2);
  const blockColumns = columns - (columns % 4);
  for (let i = 0; i < evenRows; i += 2) {
    for (let j = 0; j < blockColumns; j += 4) {
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      let p = i * aRow;
      let q = j * bColumn;
      for (let k = 0; k < inner; k++, p += aColumn, q += bRow) {
        const a0 = a[p], a1 = a[p + aRow];
        const b0 = b[q], b1 = b[q + bColumn], b2 = b[q + 2 * bColumn], b3 = b[q + 3 * bColumn];
        s00 += a0 * b0; s01 += a0 * b1; s02 += a0 * b2; s03 += a0 * b3;
        s10 += a1 * b0; s11 += a1 * b1; s12 += a1 * b2; s13 += a1 * b3;
      }
      const at = i * columns + j;
      out[at] = s00; out[at + 1] = s01; out[at + 2] = s02; out[at + 3] = s03;
      const below = at + columns;
      out[below] = s10; out[below + 1] = s11; out[below + 2] = s12; out[below + 3] = s13;
    }
  }
  multiplyPart(out, a, b, shape, 0, evenRows, blockColumns);
  multiplyPart(out, a, b, shape, evenRows, rows, 0);
}

/** The rows from ... to - 1 and the columns from left on, entry by entry: what the blocks left over. */
function multiplyPart(out, a, b, shape, from, to, left) {
  const { columns, inner, aRow, aColumn, bRow, bColumn } = shape;
  for (let i = from; i < to; i++) {
    for (let j = left; j < columns; j++) {
      let sum = 0;
      let p = i * aRow;
      let q = j * bColumn;
      for (let k = 0; k < inner; k++, p += aColumn, q += bRow) sum += a[p] * b[q];
      out[i * columns + j] = sum;
    }
  }
}
