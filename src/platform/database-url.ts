import { readFileSync } from 'node:fs'
import type { ClientConfig } from 'pg'

/** A server that has the database, or will have when it is promoted. Absent parts are the driver's defaults. */
export interface DatabaseServer {
  readonly host?: string
  readonly port?: number
}

export interface DatabaseAddress {
  /** One at least, in the order in which they are asked. */
  readonly servers: readonly DatabaseServer[]
  /** All that is the same at each of them. */
  readonly connection: ClientConfig
  /** A server must be asked whether it takes writes before it is used. */
  readonly asksForWrites: boolean
}

/** What is wrong with an address, to follow its name: "must …". Never a part of it: it holds a password. */
export class DatabaseUrlError extends Error {
  override readonly name = 'DatabaseUrlError'
}

const form =
  'must be postgres://user:password@host:port/database (several hosts: host1:port1,host2:port2), with %40 for an @ in user or password, %2F for a /, %25 for a %'

/** What follows a user's name is taken for a port where a / cuts its password off. */
const portForm = 'must have ports from 1 to 65535, and %2F for a / in user or password'

/**
 * Each parameter that is understood and what it may be, in words for who got it wrong. The names are libpq's; `ssl` and
 * `no-verify` are the driver's, `pgbouncer` other clients'; a pooler is found out without it. What is not here is refused:
 * that a setting does nothing is noticed too late.
 */
const parameters = new Map<string, readonly [RegExp, string]>(
  Object.entries({
    host: [/./, 'name a host'],
    port: [/./, 'name a port'],
    user: [/./, 'name a user'],
    password: [/./, 'hold a password'],
    sslmode: [
      /^(disable|no-verify|prefer|require|verify-ca|verify-full)$/,
      'be disable, no-verify, require or verify-full (prefer, require and verify-ca verify fully too)',
    ],
    ssl: [/^(true|1|false|0|no-verify)$/, 'be true, false or no-verify'],
    sslrootcert: [/./, 'name a file that can be read'],
    sslcert: [/./, 'name a file that can be read'],
    sslkey: [/./, 'name a file that can be read'],
    sslnegotiation: [/^(postgres|direct)$/, 'be postgres or direct'],
    channel_binding: [/^(disable|prefer|require)$/, 'be disable, prefer or require'],
    application_name: [/^[ -~]{1,63}$/, 'be 1 to 63 plain characters'],
    connect_timeout: [/^[1-9]\d{0,2}$/, 'be whole seconds, 1 to 999'],
    target_session_attrs: [/^(any|read-write|primary)$/, 'be read-write (Asyncpay writes wherever it is connected)'],
    pgbouncer: [/^(true|false)$/, 'be true or false'],
  }),
)

/** Settings of a session. Poolers refuse them at its start, and the driver reads some in other units than the server. */
const sessionSettings =
  /^(options|statement_timeout|lock_timeout|query_timeout|idle_in_transaction_session_timeout|search_path|timezone|datestyle)$/i

/** Reads `postgres://…`, with one host or several. Throws `DatabaseUrlError`. */
export function readDatabaseUrl(url: string): DatabaseAddress {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new DatabaseUrlError('must begin with postgres:// (or be absent for the embedded database)')
  }
  const parts = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url)
  if (!parts) throw new DatabaseUrlError(form)
  const [, login = '', hosts = '', database = '', query = ''] = parts
  const given = readParameters(query)
  const [user = '', ...rest] = login.split(':')
  const named = {
    user: given.user ?? decode(user),
    password: given.password ?? decode(rest.join(':')),
    database: decode(database),
    application_name: given.application_name ?? '',
  }
  const servers = readServers(given.host ?? hosts, given.port)
  return {
    servers,
    connection: {
      // An empty part is an absent one: the driver's defaults.
      ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== '')),
      ...tlsOf(given),
      ...(given.connect_timeout && { connectionTimeoutMillis: Number(given.connect_timeout) * 1000 }),
      ...(given.channel_binding && { enableChannelBinding: given.channel_binding !== 'disable' }),
    },
    asksForWrites: servers.length > 1 || /^(read-write|primary)$/.test(given.target_session_attrs ?? ''),
  }
}

function readParameters(query: string): Record<string, string | undefined> {
  const given = [...new URLSearchParams(query)]
  // A password with a ? in it is read as parameters: no name of one is shown.
  if (!given.every(([name]) => /^[a-z_]{1,40}$/i.test(name))) throw new DatabaseUrlError(form)
  for (const [name, value] of given) {
    const [allowed, words] = parameters.get(name) ?? []
    if (sessionSettings.test(name)) {
      throw new DatabaseUrlError(
        `must do without ${name}: poolers refuse it; set it at the server (alter role … set …)`,
      )
    }
    if (!allowed) {
      throw new DatabaseUrlError(
        `must do without the parameter ${name}; it may hold ${[...parameters.keys()].join(', ')}`,
      )
    }
    if (!allowed.test(value)) throw new DatabaseUrlError(`must have a right ${name}: it must ${words}`)
  }
  return Object.fromEntries(given)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new DatabaseUrlError(form)
  }
}

/** `host:port,host:port`; ports may also stand in a list of their own, as libpq takes them. */
function readServers(hosts: string, portList: string | undefined): DatabaseServer[] {
  const ports = portList?.split(',') ?? []
  const list = hosts.split(',')
  if (ports.length > 1 && ports.length !== list.length) {
    throw new DatabaseUrlError('must have one port, or as many as hosts')
  }
  return list.map((one, index) => {
    const [, name = '', inHost] = /^(\[[^[\]]*\]|[^:[\]]*)(?::(.*))?$/.exec(one) ?? []
    const host = decode(name.replace(/^\[|\]$/g, ''))
    const port = inHost || (ports[index] ?? ports[0])
    // A folder is a Unix socket's. One host alone may be left out, as for a server on this machine.
    const isName = /^\/./.test(host) || /^[^\s/@,]+$/.test(host) || (one === '' && list.length === 1)
    if (!isName) throw new DatabaseUrlError(form)
    if (port !== undefined && !isPort(port)) throw new DatabaseUrlError(portForm)
    return { ...(host && { host }), ...(port !== undefined && { port: Number(port) }) }
  })
}

const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535

/** As the driver reads it: whatever asks for TLS verifies the server's certificate, but `no-verify`. */
function tlsOf(given: Record<string, string | undefined>): Pick<ClientConfig, 'ssl' | 'sslnegotiation'> {
  const { sslmode, ssl, sslnegotiation } = given
  // `system` is libpq's word for the authorities that the machine trusts.
  const ca = given.sslrootcert === 'system' ? undefined : readFile('sslrootcert', given.sslrootcert)
  const [cert, key] = [readFile('sslcert', given.sslcert), readFile('sslkey', given.sslkey)]
  if (sslmode === 'disable' || (!sslmode && /^(false|0)$/.test(ssl ?? ''))) return { ssl: false }
  if (!(sslmode || ssl || given.sslrootcert || cert || key || sslnegotiation === 'direct')) return {}
  const unverified = sslmode === 'no-verify' || (!sslmode && ssl === 'no-verify')
  return {
    ssl: {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(unverified && { rejectUnauthorized: false }),
    },
    ...(sslnegotiation === 'direct' && { sslnegotiation }),
  }
}

function readFile(name: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new DatabaseUrlError(`must have a right ${name}: it must ${parameters.get(name)?.[1]}`)
  }
}
