/** Whether this is the long run, in which nothing is left out. */
export const LONG = process.env['OTTER_TEST_LONG'] === '1';
