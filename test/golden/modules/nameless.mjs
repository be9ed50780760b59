export function process(row) {
  return row;
}
