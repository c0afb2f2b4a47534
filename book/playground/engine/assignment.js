/** The cheapest way to pair two sets of equal size. */

/**
 * Shortest augmenting paths (Jonker & Volgenant, 1987): rows are paired one after the other, along the path of least
 * reduced cost; O(n^3).
 *
 * @param {Float64Array} costs (n, n), finite, row by row
 * @param {number} n
 * @returns {Int32Array} for each column, the row that it is paired with
 */
export function assign(costs, n) {
  const rowOf = new Int32Array(n).fill(-1);
  const search = {
    rowPrice: new Float64Array(n), columnPrice: new Float64Array(n), // dual variables
    distance: new Float64Array(n), // of each column from the free row, in reduced costs
    before: new Int32Array(n), // the column before it on the path, -1 for the first
    done: new Uint8Array(n),
  };
  for (let row = 0; row < n; row++) augment(costs, n, row, rowOf, search);
  return rowOf;
}

/** Find the cheapest path from a free row to a free column, adjust the prices, and exchange the pairs along it. */
function augment(costs, n, free, rowOf, search) {
  const { rowPrice, columnPrice, distance, before, done } = search;
  distance.fill(Infinity);
  done.fill(0);
  let row = free, column = -1, travelled = 0;
  do {
    column = nextColumn(costs, n, row, column, travelled, search);
    travelled = distance[column];
    done[column] = 1;
    row = rowOf[column];
  } while (row >= 0);
  rowPrice[free] += travelled;
  for (let j = 0; j < n; j++) {
    if (!done[j] || j === column) continue;
    columnPrice[j] -= travelled - distance[j];
    rowPrice[rowOf[j]] += travelled - distance[j];
  }
  while (column >= 0) {
    const last = before[column];
    rowOf[column] = last < 0 ? free : rowOf[last];
    column = last;
  }
}

/** Update the distances by way of a row, reached through `column`; return the nearest column that is not done. */
function nextColumn(costs, n, row, column, travelled, { rowPrice, columnPrice, distance, before, done }) {
  let nearest = -1;
  const start = row * n, offset = travelled - rowPrice[row];
  for (let j = 0; j < n; j++) {
    if (done[j]) continue;
    const through = offset + costs[start + j] - columnPrice[j];
    if (through < distance[j]) {
      distance[j] = through;
      before[j] = column;
    }
    if (nearest < 0 || distance[j] < distance[nearest]) nearest = j;
  }
  return nearest;
}
