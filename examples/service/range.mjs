// The Range header of a request for a file: RFC 9110, section 14.

/**
 * @param {string | undefined} header
 * @param {number} size bytes of the file
 * @returns {{start: number, end: number} | null | undefined} both inclusive; null where it cannot be satisfied; undefined
 *   where the whole file is the answer: no header, another unit, or several ranges
 */
export function parseRange(header, size) {
  if (header === undefined || !/^bytes=/i.test(header) || header.includes(',')) return undefined
  const [, first, last] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header) ?? []
  if (first === undefined || (first === '' && last === '')) return null
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  return start <= end ? { start, end } : null
}
