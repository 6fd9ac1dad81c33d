import { createServer } from 'node:http'
import pg from 'pg'

/**
 * The floor: what this machine, Node.js and PostgreSQL do at best for a create. One POST is one prepared insert of
 * the request's bytes and a 201 whose body is as long as ours. Arguments: port, database URL, pool size, answer bytes.
 */
const [port, url, poolSize, answerBytes] = process.argv.slice(2)

const pool = new pg.Pool({ connectionString: url ?? '', max: Number(poolSize) })
const answer = Buffer.alloc(Number(answerBytes), 'x')
const insert = { name: 'floor', text: 'insert into floor (body) values ($1)' }

const server = createServer((request, response) => {
  if (request.method !== 'POST') return void response.end('ok')
  const chunks: Buffer[] = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    pool.query({ ...insert, values: [Buffer.concat(chunks).toString('utf8')] }).then(
      () => {
        response.writeHead(201, { 'content-type': 'application/json', 'content-length': answer.length })
        response.end(answer)
      },
      () => response.writeHead(500).end(),
    )
  })
})

await pool.query('create table if not exists floor (id bigint generated always as identity primary key, body text)')
server.listen(Number(port), '127.0.0.1')
