/** A row that came as JSON: its times become dates again and its amounts integers (they have at most 15 digits). */
export function revive<Row extends object>(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      if (typeof value === 'string' && /_(at|start|end)$/.test(column)) return [column, new Date(value)]
      return typeof value === 'number' && column.endsWith('_minor') ? [column, BigInt(value)] : [column, value]
    }),
  ) as Row
}
