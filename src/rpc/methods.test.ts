import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { methodTable } from './method-table.ts'
import { methodTraits } from './methods.ts'

describe('methodTraits', () => {
  it('knows where methods name their block', () => {
    const expected = { eth_getBalance: 1, eth_call: 1, eth_getStorageAt: 2, eth_getProof: 2, eth_getBlockByNumber: 0 }
    for (const [method, at] of Object.entries(expected)) assert.equal(methodTraits(method).blockParam, at, method)
    for (const method of ['eth_chainId', 'eth_getLogs', 'eth_getTransactionByHash', 'eth_sendRawTransaction']) {
      assert.equal(methodTraits(method).blockParam, undefined, method)
    }
  })

  it('lets reads be repeated, and raw transactions on their own terms', () => {
    for (const method of ['eth_call', 'eth_getLogs', 'debug_traceTransaction', 'trace_filter', 'eth_newFilter']) {
      assert.equal(methodTraits(method).repeat, 'safe', method)
    }
    assert.equal(methodTraits('eth_sendRawTransaction').repeat, 'rawTransaction')
  })

  it('never repeats what changes something', () => {
    const changing = ['eth_sendTransaction', 'eth_sendBundle', 'eth_getFilterChanges', 'eth_subscribe', 'debug_setHead']
    const unknown = [
      'personal_unlockAccount',
      'admin_addPeer',
      'miner_start',
      'anvil_mine',
      'hardhat_reset',
      'evm_mine',
    ]
    for (const method of [...changing, ...unknown, 'engine_newPayloadV4', 'nonsense', '']) {
      assert.equal(methodTraits(method).repeat, 'never', method)
    }
  })

  it('judges unknown methods by their names', () => {
    assert.deepEqual(methodTraits('eth_getNewThing'), {
      name: 'eth_getNewThing',
      label: 'other',
      repeat: 'safe',
      filter: 'none',
      cost: 'medium',
      blockParam: undefined,
    })
    assert.equal(methodTraits('trace_everything').cost, 'heavy')
    assert.equal(methodTraits('constructor').repeat, 'never')
    assert.equal(methodTraits('__proto__').label, 'other')
  })

  it('pins filters', () => {
    assert.equal(methodTraits('eth_newBlockFilter').filter, 'creates')
    assert.equal(methodTraits('eth_getFilterLogs').filter, 'uses')
    assert.equal(methodTraits('eth_getLogs').filter, 'none')
  })

  it('shares frozen traits between calls', () => {
    assert.equal(methodTraits('eth_call'), methodTraits('eth_call'))
    for (const name of Object.keys(methodTable)) {
      assert.ok(Object.isFrozen(methodTraits(name)))
      assert.equal(methodTraits(name).label, name)
    }
  })
})
