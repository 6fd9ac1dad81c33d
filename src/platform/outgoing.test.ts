import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { assertWebhookUrl, createProviderFetch, createWebhookSender, type WebhookSenderOptions } from './outgoing.ts'

/** Made for this file, valid 2020–2120, for the name hooks.example.test alone; it opens nothing. */
const hooksKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUDgwCUIWq6g98FCt
Acxu9t1g3OLqodC7fzQlEZNvYIehRANCAASuI+6AllaR2LNTQvBDelWkwryxXr0n
80Ts5RqtzEmHJGGlREy8J+e2ynyIHO8lnx1bC+Biw05N1ycwbpRu3rTi
-----END PRIVATE KEY-----`
const hooksCertificate = `-----BEGIN CERTIFICATE-----
MIIBfDCCASKgAwIBAgIBATAKBggqhkjOPQQDAjAdMRswGQYDVQQDDBJob29rcy5l
eGFtcGxlLnRlc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMB0x
GzAZBgNVBAMMEmhvb2tzLmV4YW1wbGUudGVzdDBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABK4j7oCWVpHYs1NC8EN6VaTCvLFevSfzROzlGq3MSYckYaVETLwn57bK
fIgc7yWfHVsL4GLDTk3XJzBulG7etOKjUTBPMB0GA1UdEQQWMBSCEmhvb2tzLmV4
YW1wbGUudGVzdDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBQ186ZockOUwvlq
Q+OsTGi4IKGHjDAKBggqhkjOPQQDAgNIADBFAiA6WrkcKEdHA+z0YPRIOrVXDGk7
qRB12RdR4qNosN8X3AIhAM0EznFk7Jw3T+yo+ZMEIIVyIKz7nMLpnAb5aZYDECkD
-----END CERTIFICATE-----`

const publicAddress = '93.184.216.34'

// `turn()` lets undici take the connection of a finished call back before the next one asks for it.

interface Listening {
  readonly port: number
  readonly url: string
  connections: number
}

async function listen(t: TestContext, server: Server): Promise<Listening> {
  const sockets = new Set<{ destroy(): void }>()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const listening = { port, url: `http://127.0.0.1:${port}`, connections: 0 }
  server.on('connection', (socket) => {
    listening.connections += 1
    sockets.add(socket)
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return listening
}

const listenHttp = (t: TestContext, handler: RequestListener) => listen(t, createServer(handler))

/** A sender whose checked public addresses all lead to loopback; `dialled` says which ones it went to. */
function guardedSender(t: TestContext, addresses: Record<string, string[]>, more: Partial<WebhookSenderOptions> = {}) {
  const dialled: string[] = []
  const asked: string[] = []
  const sender = createWebhookSender({
    allowPrivate: false,
    timeoutMs: 5_000,
    resolve: async (host) => {
      asked.push(host)
      return (addresses[host] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    },
    connectTo: (address) => {
      dialled.push(address)
      return '127.0.0.1'
    },
    ...more,
  })
  t.after(() => sender.close())
  return { ...sender, dialled, asked }
}

function openSender(t: TestContext, more: Partial<WebhookSenderOptions> = {}) {
  const sender = createWebhookSender({ allowPrivate: true, timeoutMs: 5_000, ...more })
  t.after(() => sender.close())
  return sender
}

function provider(t: TestContext, more: Partial<Parameters<typeof createProviderFetch>[0]> = {}) {
  const made = createProviderFetch({ name: 'paystack', timeoutMs: 5_000, ...more })
  t.after(() => made.close())
  return made
}

/** What the resolver of the table below says; names stand for what an attacker's own DNS may answer. */
const hostileNames: Record<string, string[]> = {
  'localhost.example': ['127.0.0.1'],
  '127.0.0.1.nip.example': ['127.0.0.1'],
  'private.example': ['10.1.2.3'],
  'trailing.example.': ['192.168.1.1'],
  'mixed.example': [publicAddress, '10.0.0.1'],
  'mixed6.example': [publicAddress, '::1'],
  'mapped.example': ['::ffff:169.254.169.254'],
  'ula.example': ['fd00:ec2::254'],
  'zone.example': ['2606:4700::1%eth0'],
  'odd.example': ['0177.0.0.1'],
  'garbage.example': ['not an address'],
  'metadata.google.internal': ['169.254.169.254'],
  'xn--bcher-kva.example': ['172.16.0.1'],
  postgres: ['172.18.0.2'],
}

// PORT is that of a real server on loopback, so that a guard with a hole is seen to reach it.
const hostileUrls: readonly (readonly [what: string, url: string])[] = [
  ['loopback', 'http://127.0.0.1:PORT/'],
  ['loopback over TLS', 'https://127.0.0.1:PORT/'],
  ['the far end of loopback', 'http://127.255.255.254:PORT/'],
  ['a decimal spelling of loopback', 'http://2130706433:PORT/'],
  ['an octal spelling of loopback', 'http://0177.0.0.1:PORT/'],
  ['an octal spelling with many zeros', 'http://00000177.0.0.1:PORT/'],
  ['an octal spelling of the whole number', 'http://017700000001:PORT/'],
  ['a hexadecimal spelling of loopback', 'http://0x7f000001:PORT/'],
  ['a short hexadecimal spelling', 'http://0x7f.1:PORT/'],
  ['a mixed hexadecimal and octal spelling', 'http://0x7F.0.00.01:PORT/'],
  ['loopback in two parts', 'http://127.1:PORT/'],
  ['loopback in three parts', 'http://127.0.1:PORT/'],
  ['loopback with a trailing dot', 'http://127.0.0.1.:PORT/'],
  ['percent-encoded loopback', 'http://%31%32%37.0.0.1:PORT/'],
  ['percent-encoded dots', 'http://127%2e0%2e0%2e1:PORT/'],
  ['full-width digits', 'http://\uff11\uff12\uff17.\uff10.\uff10.\uff11:PORT/'],
  ['ideographic dots', 'http://127\u30020\u30020\u30021:PORT/'],
  ['half-width ideographic dots', 'http://127\uff610\uff610\uff611:PORT/'],
  ['circled digits', 'http://\u2460\u2461\u2466.0.0.1:PORT/'],
  ['a soft hyphen inside loopback', 'http://127.0.0\u00ad.1:PORT/'],
  ['zero', 'http://0:PORT/'],
  ['this network', 'http://0.0.0.0:PORT/'],
  ['this network, not all zero', 'http://0.1.2.3:PORT/'],
  ['private 10/8', 'http://10.0.0.1:PORT/'],
  ['private 10/8 as a number', 'http://167772161:PORT/'],
  ['private 172.16/12, first', 'http://172.16.0.1:PORT/'],
  ['private 172.16/12, last', 'http://172.31.255.255:PORT/'],
  ['private 192.168/16', 'http://192.168.0.1:PORT/'],
  ['carrier-grade NAT', 'http://100.64.0.1:PORT/'],
  ['carrier-grade NAT, Alibaba metadata', 'http://100.100.100.200/latest/meta-data/'],
  ['link-local', 'http://169.254.1.1:PORT/'],
  ['the metadata address', 'http://169.254.169.254/latest/meta-data/'],
  ['the metadata address as a number', 'http://2852039166/'],
  ['the metadata address in hexadecimal', 'http://0xa9fea9fe/'],
  ['the metadata address in octal', 'http://0251.0376.0251.0376/'],
  ['the container metadata address', 'http://169.254.170.2/v2/credentials'],
  ['the Azure metadata address', 'http://168.63.129.16/machine'],
  ['the Oracle metadata address', 'http://192.0.0.192/'],
  ['multicast', 'http://224.0.0.1:PORT/'],
  ['broadcast', 'http://255.255.255.255:PORT/'],
  ['reserved 240/4', 'http://240.0.0.1:PORT/'],
  ['benchmarking 198.18/15', 'http://198.19.0.1:PORT/'],
  ['documentation 192.0.2/24', 'http://192.0.2.1:PORT/'],
  ['documentation 198.51.100/24', 'http://198.51.100.1:PORT/'],
  ['documentation 203.0.113/24', 'http://203.0.113.1:PORT/'],
  ['6to4 relays 192.88.99/24', 'http://192.88.99.1:PORT/'],
  ['IPv6 loopback', 'http://[::1]:PORT/'],
  ['IPv6 loopback written in full', 'http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/'],
  ['IPv6 unspecified', 'http://[::]:PORT/'],
  ['IPv4-mapped loopback', 'http://[::ffff:127.0.0.1]:PORT/'],
  ['IPv4-mapped loopback in hexadecimal', 'http://[::ffff:7f00:1]:PORT/'],
  ['IPv4-mapped public address', `http://[::ffff:${publicAddress}]:PORT/`],
  ['IPv4-compatible loopback', 'http://[::127.0.0.1]:PORT/'],
  ['IPv4-translated loopback', 'http://[::ffff:0:127.0.0.1]:PORT/'],
  ['NAT64 to loopback', 'http://[64:ff9b::127.0.0.1]:PORT/'],
  ['local NAT64 to the metadata address', 'http://[64:ff9b:1::a9fe:a9fe]:PORT/'],
  ['6to4 of loopback', 'http://[2002:7f00:1::]:PORT/'],
  ['6to4 of 10.0.0.1', 'http://[2002:a00:1::1]:PORT/'],
  ['Teredo', 'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]:PORT/'],
  ['unique local fc00', 'http://[fc00::1]:PORT/'],
  ['the IPv6 metadata address', 'http://[fd00:ec2::254]/latest/meta-data/'],
  ['IPv6 link-local', 'http://[fe80::1]:PORT/'],
  ['IPv6 link-local with a zone', 'http://[fe80::1%25eth0]:PORT/'],
  ['IPv6 site-local', 'http://[fec0::1]:PORT/'],
  ['IPv6 multicast', 'http://[ff02::1]:PORT/'],
  ['IPv6 documentation', 'http://[2001:db8::1]:PORT/'],
  ['newer IPv6 documentation', 'http://[3fff::1]:PORT/'],
  ['IPv6 discard', 'http://[100::1]:PORT/'],
  ['IPv6 benchmarking', 'http://[2001:2::1]:PORT/'],
  ['IPv6 that nobody was given', 'http://[4000::1]:PORT/'],
  ['localhost', 'http://localhost:PORT/'],
  ['localhost with a trailing dot', 'http://localhost.:PORT/'],
  ['localhost in capitals', 'http://LOCALHOST:PORT/'],
  ['localhost in full-width letters', 'http://\uff4c\uff4fcalhost:PORT/'],
  ['a name below localhost', 'http://admin.localhost:PORT/'],
  ['a name that resolves to loopback', 'http://localhost.example:PORT/'],
  ['a name that spells an address', 'http://127.0.0.1.nip.example:PORT/'],
  ['a name that resolves to a private address', 'http://private.example:PORT/'],
  ['a name with a trailing dot', 'http://trailing.example.:PORT/'],
  ['a name with one private among public addresses', 'http://mixed.example:PORT/'],
  ['a name with IPv6 loopback among public addresses', 'http://mixed6.example:PORT/'],
  ['a name that resolves to a mapped address', 'http://mapped.example:PORT/'],
  ['a name that resolves to a unique local address', 'http://ula.example:PORT/'],
  ['a name that resolves to an address with a zone', 'http://zone.example:PORT/'],
  ['a name that resolves to an octal spelling', 'http://odd.example:PORT/'],
  ['a name that resolves to garbage', 'http://garbage.example:PORT/'],
  ['a metadata name', 'http://metadata.google.internal/computeMetadata/v1/'],
  ['an international name that resolves to a private address', 'http://b\u00fccher.example:PORT/'],
  ['a container name', 'http://postgres:5432/'],
  ['a password', 'http://user:secret@public.example:PORT/'],
  ['a user name', 'http://user@public.example:PORT/'],
  ['an address posing as a user name', `http://${publicAddress}@127.0.0.1:PORT/`],
  ['a backslash before the at sign', 'http://public.example\\@127.0.0.1:PORT/'],
  ['a newline inside the host', 'http://127.0.\n0.1:PORT/'],
  ['a tab inside the scheme', 'ht\ttp://127.0.0.1:PORT/'],
  ['a leading space', ' http://127.0.0.1:PORT/'],
  ['no slashes after the scheme', 'http:127.0.0.1:PORT/'],
  ['three slashes after the scheme', 'http:///127.0.0.1:PORT/'],
  ['no scheme', '//127.0.0.1:PORT/'],
  ['five numbers', 'http://127.0.0.0.1:PORT/'],
  ['a number too large', 'http://4294967296:PORT/'],
  ['a file', 'file:///etc/passwd'],
  ['FTP', 'ftp://public.example/'],
  ['gopher', 'gopher://127.0.0.1:PORT/_x'],
  ['a websocket', 'ws://127.0.0.1:PORT/'],
  ['a data URL', 'data:text/plain,x'],
  ['a script', 'javascript:alert(1)'],
  ['a relative path', '/v1/payments'],
  ['nothing', ''],
  ['only a host', 'public.example'],
  ['an empty host', 'http://:PORT/'],
  ['more than 2048 characters', `http://public.example/${'a'.repeat(2048)}`],
  ['more than 2048 characters once encoded', `http://public.example/${'\u00e9'.repeat(1000)}`],
]

test('the table of hostile URLs has at least 60 rows', () => assert.ok(hostileUrls.length >= 60))

for (const [what, url] of hostileUrls) {
  test(`blocked: ${what}, without a connection`, async (t) => {
    const server = await listenHttp(t, (_, response) => response.end('reached'))
    const sender = guardedSender(t, { ...hostileNames, 'public.example': [publicAddress] })
    const answer = await sender.post(url.replace('PORT', String(server.port)), {}, '{}')
    assert.equal(answer.kind, 'blocked')
    assert.deepEqual(sender.dialled, [])
    assert.equal(server.connections, 0)
  })
}

for (const url of ['http://127.0.0.1:PORT/', 'http://private.example:PORT/', 'http://mapped.example:PORT/']) {
  test(`blocked: the reason for ${url} names no address`, async (t) => {
    const answer = await guardedSender(t, hostileNames).post(url.replace('PORT', '80'), {}, '{}')
    assert.ok(answer.kind === 'blocked')
    assert.match(answer.reason, /^the host leads to /)
    assert.doesNotMatch(answer.reason, /\d+\.\d+|::/)
  })
}

for (const host of [
  'hooks.example',
  publicAddress,
  '[2606:4700:4700::1111]',
  '1572395042',
  '192.0.1.1',
  '172.32.0.1',
]) {
  test(`answered: ${host} is public and is connected to`, async (t) => {
    const server = await listenHttp(t, (request, response) => response.end(request.headers.host))
    const sender = guardedSender(t, { 'hooks.example': [publicAddress, '2606:4700:4700::1111'] })
    const answer = await sender.post(`http://${host}:${server.port}/x`, {}, '{}')
    assert.ok(answer.kind === 'answered', JSON.stringify(answer))
    assert.equal(answer.excerpt, new URL(`http://${host}:${server.port}/x`).host)
    assert.equal(server.connections, 1)
  })
}

test('answered: a resolver that changes its mind after the check cannot move the connection', async (t) => {
  const server = await listenHttp(t, (request, response) => {
    response.setHeader('connection', 'close')
    response.end(request.headers.host)
  })
  const addresses = [publicAddress, '127.0.0.1', '127.0.0.1']
  const sender = guardedSender(t, {}, { resolve: async () => [{ address: addresses.shift()!, family: 4 }] })
  const url = `http://rebinding.example:${server.port}/`
  const first = await sender.post(url, {}, '{}')
  assert.equal(first.kind, 'answered')
  assert.equal(addresses.length, 2, 'one call asks the resolver once')
  const second = await sender.post(url, {}, '{}')
  assert.equal(second.kind, 'blocked')
  assert.deepEqual(sender.dialled, [publicAddress])
  assert.equal(server.connections, 1)
})

test('answered: a kept-alive connection goes on leading to the checked address', async (t) => {
  const server = await listenHttp(t, (_, response) => response.end('ok'))
  const addresses = [publicAddress, '127.0.0.1']
  const sender = guardedSender(t, {}, { resolve: async () => [{ address: addresses.shift()!, family: 4 }] })
  for (let call = 0; call < 3; call++) {
    const answer = await sender.post(`http://rebinding.example:${server.port}/`, {}, '{}')
    assert.equal(answer.kind, 'answered')
    await turn()
  }
  assert.deepEqual(sender.dialled, [publicAddress])
  assert.equal(server.connections, 1)
})

test('answered: every address of a name is checked and offered to the socket', async (t) => {
  const server = await listenHttp(t, (_, response) => response.end('ok'))
  const sender = guardedSender(t, { 'two.example': [publicAddress, '93.184.216.35'] })
  const answer = await sender.post(`http://two.example:${server.port}/`, {}, '{}')
  assert.equal(answer.kind, 'answered')
  assert.deepEqual(sender.dialled, [publicAddress, '93.184.216.35'])
})

for (const status of [301, 302, 303, 307, 308]) {
  test(`answered: a ${status} to the metadata address is not followed`, async (t) => {
    const server = await listenHttp(t, (_, response) => {
      response.writeHead(status, { location: 'http://169.254.169.254/latest/meta-data/' }).end()
    })
    const sender = guardedSender(t, { 'hooks.example': [publicAddress] })
    const answer = await sender.post(`http://hooks.example:${server.port}/`, {}, '{}')
    assert.ok(answer.kind === 'answered')
    assert.equal(answer.status, status)
    assert.deepEqual(sender.dialled, [publicAddress])
    assert.equal(server.connections, 1)
  })
}

test('answered: method, headers and body arrive as given', async (t) => {
  const got: string[] = []
  const server = await listenHttp(t, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    got.push(`${request.method} ${request.url} ${request.headers['webhook-id']} ${Buffer.concat(chunks)}`)
    response.writeHead(500).end('it broke')
  })
  const sender = openSender(t)
  const answer = await sender.post(`${server.url}/a?b=c#d`, { 'webhook-id': 'evt_1' }, '{"naïve":true}')
  assert.deepEqual(got, ['POST /a?b=c evt_1 {"naïve":true}'])
  assert.ok(answer.kind === 'answered')
  assert.deepEqual([answer.status, answer.excerpt], [500, 'it broke'])
  assert.ok(Number.isInteger(answer.durationMs) && answer.durationMs >= 0)
})

test('answered: the excerpt is at most 1024 bytes, whole characters, and storable', async (t) => {
  const server = await listenHttp(t, (_, response) => response.end(`a\0${'é'.repeat(30_000)}`))
  const sender = openSender(t)
  const answer = await sender.post(server.url, {}, '')
  assert.ok(answer.kind === 'answered')
  assert.equal(answer.excerpt, `a\uFFFD${'é'.repeat(511)}`)
  await turn()
  await sender.post(server.url, {}, '')
  assert.equal(server.connections, 1, 'an answer below the limit leaves its connection usable')
})

test('answered: a body without end is left after the size limit', async (t) => {
  let written = 0
  const closed = Promise.withResolvers<void>()
  const server = await listenHttp(t, (_, response) => {
    const block = Buffer.alloc(64 * 1024, 'x')
    const pour = () => {
      do written += block.length
      while (response.write(block))
    }
    response.on('drain', pour).on('close', () => closed.resolve())
    pour()
  })
  const answer = await openSender(t).post(server.url, {}, '')
  assert.ok(answer.kind === 'answered')
  assert.equal(answer.excerpt, 'x'.repeat(1024))
  await closed.promise
  assert.ok(written < 50 * 1024 * 1024, `${written} bytes were poured`)
})

test('answered: a body that drips without end is left at the time limit', async (t) => {
  const server = await listenHttp(t, (_, response) => {
    const drip = setInterval(() => response.write('x'), 10)
    response.on('close', () => clearInterval(drip))
  })
  const answer = await openSender(t, { timeoutMs: 200 }).post(server.url, {}, '')
  assert.ok(answer.kind === 'answered')
  assert.match(answer.excerpt, /^x+$/)
  assert.ok(answer.durationMs >= 190 && answer.durationMs < 2_000, `${answer.durationMs} ms`)
})

test('answered: a body that breaks off keeps its status', async (t) => {
  const server = await listenHttp(t, (_, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half', () => response.destroy())
  })
  const answer = await openSender(t).post(server.url, {}, '')
  assert.ok(answer.kind === 'answered')
  assert.deepEqual([answer.status, answer.excerpt], [200, 'half'])
})

test('failed: no answer within the time limit', async (t) => {
  const server = await listenHttp(t, () => {})
  const answer = await openSender(t, { timeoutMs: 200 }).post(server.url, {}, '')
  assert.ok(answer.kind === 'failed')
  assert.equal(answer.reason, 'no answer within 200 ms')
  assert.ok(answer.durationMs >= 190 && answer.durationMs < 2_000, `${answer.durationMs} ms`)
})

test('failed: headers that drip without end are left at the time limit', async (t) => {
  const server = await listen(
    t,
    createTcpServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      const drip = setInterval(() => socket.write('x: y\r\n'), 10)
      socket.on('error', () => {}).on('close', () => clearInterval(drip))
    }),
  )
  const answer = await openSender(t, { timeoutMs: 200 }).post(server.url, {}, '')
  assert.ok(answer.kind === 'failed')
  assert.ok(answer.durationMs < 2_000)
})

test('failed: a resolver that never answers is left at the time limit', async (t) => {
  const sender = guardedSender(t, {}, { timeoutMs: 200, resolve: () => new Promise(() => {}) })
  const answer = await sender.post('http://hooks.example/', {}, '')
  assert.ok(answer.kind === 'failed')
  assert.equal(answer.reason, 'no answer within 200 ms')
  assert.deepEqual(sender.dialled, [])
})

test('failed: a call given up before its connection came is not sent when it comes', async (t) => {
  const bodies: string[] = []
  const server = await listenHttp(t, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    bodies.push(String(Buffer.concat(chunks)))
    response.end()
  })
  const resolved = Promise.withResolvers<{ address: string; family: number }[]>()
  const sender = guardedSender(t, {}, { timeoutMs: 400, resolve: () => resolved.promise })
  const url = `http://hooks.example:${server.port}/`
  const given = await sender.post(url, {}, 'given up')
  assert.equal(given.kind, 'failed')
  resolved.resolve([{ address: publicAddress, family: 4 }])
  const answer = await sender.post(url, {}, 'second')
  assert.equal(answer.kind, 'answered')
  assert.deepEqual(bodies, ['second'])
})

test('failed: a name without addresses', async (t) => {
  const answer = await guardedSender(t, {}).post('http://nowhere.example/', {}, '')
  assert.ok(answer.kind === 'failed')
  assert.equal(answer.reason, 'host name not found')
})

test('failed: a refused connection, in words without the address', async (t) => {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const answer = await openSender(t).post(`http://127.0.0.1:${port}/`, {}, '')
  assert.ok(answer.kind === 'failed')
  assert.equal(answer.reason, 'connection refused')
})

test('failed: a connection closed without an answer is not sent again', async (t) => {
  let calls = 0
  const server = await listenHttp(t, (request) => {
    calls += 1
    request.socket.destroy()
  })
  const answer = await openSender(t).post(server.url, {}, '{}')
  assert.ok(answer.kind === 'failed')
  assert.equal(answer.reason, 'connection closed without an answer')
  assert.equal(calls, 1)
})

test('failed: something that does not speak HTTP', async (t) => {
  const server = await listen(
    t,
    createTcpServer((socket) => socket.on('error', () => {}).end('220 smtp ready\r\n')),
  )
  const answer = await openSender(t).post(server.url, {}, '')
  assert.equal(answer.kind, 'failed')
})

test('failed: a header that cannot be sent does not throw', async (t) => {
  const answer = await openSender(t).post('http://127.0.0.1:1/', { 'x-bad': 'a\r\nb' }, '')
  assert.equal(answer.kind, 'failed')
})

test('failed: a closed sender does not throw, and closes twice', async (t) => {
  const sender = openSender(t)
  await sender.close()
  await sender.close()
  assert.equal((await sender.post('http://127.0.0.1:1/', {}, '')).kind, 'failed')
})

test('blocked: allowing private networks keeps the rules of form', async (t) => {
  const sender = openSender(t)
  for (const url of ['ftp://127.0.0.1/', 'http://a:b@127.0.0.1/', 'file:///etc/passwd', 'http:127.0.0.1']) {
    assert.equal((await sender.post(url, {}, '')).kind, 'blocked')
  }
})

test('answered: allowing private networks reaches a private name and follows no redirect', async (t) => {
  const server = await listenHttp(t, (_, response) => {
    response.writeHead(302, { location: '/again' }).end()
  })
  const sender = openSender(t, { resolve: async () => [{ address: '127.0.0.1', family: 4 }] })
  const answer = await sender.post(`http://localhost:${server.port}/`, {}, '')
  assert.ok(answer.kind === 'answered')
  assert.equal(answer.status, 302)
})

test('TLS: the name of the URL, not the checked address, is announced and verified', async (t) => {
  setDefaultCACertificates([...getCACertificates('default'), hooksCertificate])
  const names: string[] = []
  const server = await listen(
    t,
    createTlsServer({ key: hooksKey, cert: hooksCertificate }, (request, response) => {
      names.push(`${(request.socket as { servername?: string }).servername} ${request.headers.host}`)
      response.end('ok')
    }),
  )
  const sender = guardedSender(t, { 'hooks.example.test': [publicAddress], 'other.example.test': [publicAddress] })
  const right = await sender.post(`https://hooks.example.test:${server.port}/`, {}, '')
  assert.equal(right.kind, 'answered', JSON.stringify(right))
  assert.deepEqual(names, [`hooks.example.test hooks.example.test:${server.port}`])
  const wrong = await sender.post(`https://other.example.test:${server.port}/`, {}, '')
  assert.ok(wrong.kind === 'failed')
  assert.equal(wrong.reason, 'could not be sent (ERR_TLS_CERT_ALTNAME_INVALID)')
  const literal = await sender.post(`https://${publicAddress}:${server.port}/`, {}, '')
  assert.equal(literal.kind, 'failed')
  assert.equal(names.length, 1, 'nothing is sent to whoever cannot prove the name')
})

for (const text of [
  'https://shop.example/hooks?x=1',
  'http://shop.example:8080',
  'HTTPS://Shop.Example/#done',
  'http://127.0.0.1:3000/hook',
  'https://b\u00fccher.example/',
  'https://[2606:4700::1]/',
]) {
  test(`accepted by form: ${text}`, () => {
    const checked = assertWebhookUrl(text)
    assert.ok(checked.ok)
    assert.equal(checked.url.href, new URL(text).href)
  })
}

test('provider: status, headers and body come back; one connection serves many calls', async (t) => {
  const server = await listenHttp(t, (request, response) => {
    response.writeHead(201, { 'x-request-id': 'r1', 'content-type': 'application/json' })
    response.end(JSON.stringify({ method: request.method, auth: request.headers.authorization }))
  })
  let calls = 0
  const { fetch } = provider(t, { onCall: () => calls++ })
  for (let call = 0; call < 3; call++) {
    const answer = await fetch(new URL(server.url), {
      method: 'POST',
      headers: { authorization: 'Bearer x' },
      body: '{}',
    })
    assert.equal(answer.status, 201)
    assert.equal(answer.headers.get('x-request-id'), 'r1')
    assert.deepEqual(await answer.json(), { method: 'POST', auth: 'Bearer x' })
    assert.ok(answer instanceof Response)
    await turn()
  }
  assert.equal(server.connections, 1)
  assert.equal(calls, 3)
})

test('provider: an unread answer leaves its connection usable', async (t) => {
  const server = await listenHttp(t, (_, response) => response.end('x'.repeat(100_000)))
  const { fetch } = provider(t)
  for (let call = 0; call < 3; call++) {
    await fetch(server.url)
    await turn()
  }
  assert.equal(server.connections, 1)
})

for (const status of [204, 304]) {
  test(`provider: a ${status} has no body`, async (t) => {
    const server = await listenHttp(t, (_, response) => response.writeHead(status).end())
    const answer = await provider(t).fetch(server.url)
    assert.deepEqual([answer.status, await answer.text()], [status, ''])
  })
}

test('provider: a redirect is an answer and is not followed', async (t) => {
  let calls = 0
  const server = await listenHttp(t, (_, response) => {
    calls += 1
    response.writeHead(307, { location: '/again' }).end('moved')
  })
  const answer = await provider(t).fetch(server.url, { method: 'POST', body: '{}', redirect: 'follow' })
  assert.deepEqual([answer.status, answer.headers.get('location'), await answer.text()], [307, '/again', 'moved'])
  assert.equal(calls, 1)
})

for (const status of [401, 408, 421, 425, 429, 503]) {
  test(`provider: a ${status} is not sent again`, async (t) => {
    let calls = 0
    const server = await listenHttp(t, (_, response) => {
      calls += 1
      response.writeHead(status, { 'retry-after': '0' }).end()
    })
    const settled = await provider(t)
      .fetch(server.url, { method: 'POST', body: '{}' })
      .then((answer) => answer.status, String)
    assert.equal(calls, 1)
    // undici takes a 421 as a reason to try again, and its second try is what we refuse.
    assert.equal(settled, status === 421 ? 'TypeError: fetch failed' : status)
  })
}

for (const method of ['GET', 'POST']) {
  test(`provider: a ${method} whose kept-alive connection breaks is not sent again`, async (t) => {
    let calls = 0
    const server = await listenHttp(t, (request, response) => {
      calls += 1
      if (calls === 1) response.end('ok')
      else request.socket.destroy()
    })
    const { fetch } = provider(t)
    await fetch(server.url)
    await assert.rejects(fetch(server.url, method === 'POST' ? { method, body: '{}' } : { method }), TypeError)
    assert.equal(calls, 2)
  })
}

test('provider: an answer without end in time is a TimeoutError, body included', async (t) => {
  const server = await listenHttp(t, (_, response) => {
    const drip = setInterval(() => response.write('x'), 10)
    response.on('close', () => clearInterval(drip))
  })
  const startedAt = performance.now()
  await assert.rejects(provider(t, { timeoutMs: 200 }).fetch(server.url), {
    name: 'TimeoutError',
    message: 'paystack: no complete answer within 200 ms',
  })
  assert.ok(performance.now() - startedAt < 2_000)
})

test('provider: no answer in time is a TimeoutError', async (t) => {
  const server = await listenHttp(t, () => {})
  await assert.rejects(provider(t, { timeoutMs: 200 }).fetch(server.url), { name: 'TimeoutError' })
})

test('provider: an abort by the caller is an abort', async (t) => {
  const caller = new AbortController()
  const server = await listenHttp(t, () => caller.abort())
  await assert.rejects(provider(t).fetch(server.url, { signal: caller.signal }), { name: 'AbortError' })
})

test('provider: an answer that is too large is refused and its connection closed', async (t) => {
  const closed = Promise.withResolvers<void>()
  const server = await listenHttp(t, (_, response) => {
    response.on('close', () => closed.resolve())
    response.write('x'.repeat(2_000))
  })
  await assert.rejects(provider(t, { maxResponseBytes: 1_000 }).fetch(server.url), {
    message: 'paystack: the answer is larger than 1000 bytes',
  })
  await closed.promise
})

test('provider: a small answer that unpacks to a large one is refused', async (t) => {
  const packed = gzipSync(Buffer.alloc(20 * 1024 * 1024))
  const server = await listenHttp(t, (_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed),
  )
  await assert.rejects(provider(t).fetch(server.url), /larger than 5242880 bytes/)
})

test('provider: a packed answer is unpacked and no longer says that it is packed', async (t) => {
  const packed = gzipSync('{"ok":true}')
  const server = await listenHttp(t, (_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed),
  )
  const answer = await provider(t).fetch(server.url)
  assert.equal(answer.headers.get('content-encoding'), null)
  assert.deepEqual(await answer.json(), { ok: true })
})

test('provider: a refused connection rejects with its cause', async (t) => {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  await assert.rejects(provider(t).fetch(`http://127.0.0.1:${port}/`), (error: Error) => {
    assert.ok(error instanceof TypeError)
    assert.equal((error.cause as { code?: string }).code, 'ECONNREFUSED')
    return true
  })
})

test('provider: when onCall throws, nothing goes out', async (t) => {
  const server = await listenHttp(t, (_, response) => response.end())
  const { fetch } = provider(t, {
    onCall: () => {
      throw new Error('a transaction is open')
    },
  })
  await assert.rejects(fetch(server.url), /a transaction is open/)
  assert.equal(server.connections, 0)
})

test('provider: close waits for calls under way, and works twice', async (t) => {
  const arrived = Promise.withResolvers<() => void>()
  const server = await listenHttp(t, (_, response) => arrived.resolve(() => response.end('late')))
  const { fetch, close } = provider(t)
  const call = fetch(server.url)
  const answer = await arrived.promise
  const closed = Promise.all([close(), close()])
  answer()
  assert.equal(await (await call).text(), 'late')
  await closed
  await assert.rejects(fetch(server.url), TypeError)
})
