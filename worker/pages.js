'use strict'
// Where a byte of a mapping lies in its page. `lead` is how far into a page of the file the mapping itself begins; all are bytes.

const { pageSize } = require('../native/binding')

/** How far into its page. */
const intoPage = (at, lead) => (lead + at) % pageSize

/** The first byte of that page; less than 0 where it begins before the mapping. */
const pageStart = (at, lead) => at - intoPage(at, lead)

/** The first byte past that page: a range that begins before it touches one that ends at `at`. */
const pageEnd = (at, lead) => pageStart(at, lead) + pageSize

module.exports = { intoPage, pageEnd, pageStart }
