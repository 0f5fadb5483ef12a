/** Whether what was thrown is a system error of this code, such as EEXIST. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
