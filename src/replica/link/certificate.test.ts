import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { newPrivateKey, privateKeyFrom, publicBytesOf, publicKeyFrom } from '../identity/keys.ts'
import { selfSignedCertificate } from './certificate.ts'

const key = privateKeyFrom(Buffer.alloc(32, 7))

describe('a self-signed certificate', () => {
  it('is read, checked and matched to its key by the platform', () => {
    const certificate = new X509Certificate(selfSignedCertificate(key, 'drawbridge authority 3'))
    assert.equal(certificate.subject, 'CN=drawbridge authority 3')
    assert.equal(certificate.issuer, certificate.subject)
    assert.equal(certificate.verify(certificate.publicKey), true)
    assert.equal(certificate.checkPrivateKey(key), true)
    assert.equal(certificate.validTo, 'Dec 31 23:59:59 9999 GMT')
  })

  it('does not verify under another key', () => {
    const certificate = new X509Certificate(selfSignedCertificate(key, 'a'))
    assert.equal(certificate.verify(publicKeyFrom(publicBytesOf(privateKeyFrom(newPrivateKey()))!)), false)
  })

  it('is the same for the same key and name, and takes names of any length', () => {
    assert.equal(selfSignedCertificate(key, 'x'), selfSignedCertificate(key, 'x'))
    for (const length of [1, 64, 127, 200]) {
      const { subject } = new X509Certificate(selfSignedCertificate(key, 'n'.repeat(length)))
      assert.equal(subject, `CN=${'n'.repeat(length)}`)
    }
  })
})

describe('keys', () => {
  it('survive the way through their bytes', () => {
    const bytes = newPrivateKey()
    const publicBytes = publicBytesOf(privateKeyFrom(bytes))!
    assert.equal(publicBytes.length, 32)
    assert.deepEqual(publicBytesOf(publicKeyFrom(publicBytes)), publicBytes)
  })

  it('of the wrong length are refused', () => {
    assert.throws(() => privateKeyFrom(Buffer.alloc(31)), { code: 'KEY_INVALID' })
    assert.throws(() => publicKeyFrom(Buffer.alloc(33)), { code: 'KEY_INVALID' })
  })
})
