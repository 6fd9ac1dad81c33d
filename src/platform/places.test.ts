import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from './log.ts'
import { Places } from './places.ts'
import type { Queue } from './queue.ts'

interface Item {
  owner: string
  end: PromiseWithResolvers<void>
}

/** Work that is due in this order, ended by the test; of an owner at most two at once. */
function start(owners: string[], placesMax: number, isStopping = () => false) {
  const due = owners.map((owner): Item => ({ owner, end: Promise.withResolvers<void>() }))
  const begun: Item[] = []
  const queue = {
    track: <T>(promise: Promise<T>) => promise,
    get isStopping() {
      return isStopping()
    },
  } as Queue
  const places = new Places<Item>(
    {
      name: 'test',
      placesMax,
      claim: async ({ free, running }) => {
        const taken = new Map(running)
        const fits = due.filter((item) => {
          const count = taken.get(item.owner) ?? 0
          if (count < 2) taken.set(item.owner, count + 1)
          return count < 2
        })
        return fits.slice(0, free).map((item) => due.splice(due.indexOf(item), 1)[0] as Item)
      },
      ownerOf: (item) => item.owner,
      run: async (item) => {
        begun.push(item)
        await item.end.promise
      },
    },
    queue,
    createLog('silent'),
  )
  return { places, begun, owners: () => begun.map((item) => item.owner).join('') }
}

test('who is slow has his share, and what is due for others goes on beside him', async () => {
  const { places, begun, owners } = start([...'aaaaaab'], 4)
  await places.fill()
  assert.equal(owners(), 'aab')
  const settled = places.settle()
  begun[2]?.end.resolve()
  await new Promise(setImmediate)
  assert.equal(owners(), 'aab', 'his share is taken, though two places are free')
  for (let n = 0; n < 7; n += 1) {
    begun[n]?.end.resolve()
    await new Promise(setImmediate)
  }
  await settled
  assert.equal(owners(), 'aabaaaa')
})

test('no more at once than there are places; one that falls free is given away at once', async () => {
  const { places, begun, owners } = start([...'abcdef'], 2)
  await places.fill()
  assert.equal(owners(), 'ab')
  begun[0]?.end.resolve()
  await new Promise(setImmediate)
  assert.equal(owners(), 'abc')
})

test('what fails gives its place back, and whoever waits for all of it hears of it', async () => {
  const { places, begun, owners } = start([...'ab'], 1)
  const settled = places.settle()
  await new Promise(setImmediate)
  begun[0]?.end.reject(new Error('broken'))
  await assert.rejects(settled, /broken/)
  await new Promise(setImmediate)
  assert.equal(owners(), 'ab')
})

test('nothing begins while the process stops', async () => {
  const { places, owners } = start([...'ab'], 2, () => true)
  await places.fill()
  assert.equal(owners(), '')
})
