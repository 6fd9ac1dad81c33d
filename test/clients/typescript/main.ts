import { shop } from './shop.ts'

declare const process: { argv: string[] }

const { baseUrl, key, declining, asking } = JSON.parse(process.argv[2] ?? '')
console.log(JSON.stringify(await shop(baseUrl, key, declining, asking)))
