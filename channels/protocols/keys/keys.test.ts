import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto"
import { Effect, Redacted } from "effect"
import { hasOpenssl, opensslFolder } from "../../../tests/channels/openssl.ts"
import { readPrivateKey } from "./private-key.ts"
import { checkNotOwn, checkPair, readPublicKey } from "./public-key.ts"

const privateOf = (text: string, password?: string) =>
  readPrivateKey("privateKey", Redacted.make(text), {
    ...(password === undefined ? {} : { password: Redacted.make(password) })
  })
const read = (text: string, password?: string) => Effect.runSync(privateOf(text, password))
const refusal = (text: string, password?: string) => Effect.runSync(Effect.flip(privateOf(text, password)))
const publicRefusal = (text: string) => Effect.runSync(Effect.flip(readPublicKey("platformCertificate", text)))
const der64 = (pem: string) => pem.replaceAll(/-----[^-]+-----|\s/g, "")

const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 })
const other = generateKeyPairSync("rsa", { modulusLength: 1024 })
const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" })
const pem = (key: KeyObject, type: "pkcs8" | "pkcs1" | "spki" | "sec1") =>
  key.export({ type: type as "pkcs8", format: "pem" }).toString()
const same = (key: KeyObject) => expect(key.equals(rsa.privateKey)).toBe(true)

describe("a private key is read from", () => {
  test.each(["pkcs8", "pkcs1"] as const)(
    "%s as PEM, as one line of Base64, broken in lines and with \\n spelled out",
    (type) => {
      const text = pem(rsa.privateKey, type)
      same(read(text).key)
      same(read(`\uFEFF\r\n${text.replaceAll("\n", "\r\n")}\r\n`).key)
      same(read(text.replaceAll("\n", "\\n")).key)
      same(read(text.replaceAll("\n", " ")).key)
      same(read(der64(text)).key)
      same(read(`${(der64(text).match(/.{1,76}/g) ?? []).join("\n")}\n`).key)
      same(read(Buffer.from(text).toString("base64")).key)
    }
  )

  test("a PEM whose label names another form than it holds", () => {
    same(read(pem(rsa.privateKey, "pkcs1").replaceAll("RSA PRIVATE KEY", "PRIVATE KEY")).key)
  })
})

describe("a text that is no private RSA key says what it is", () => {
  test.each([
    ["nothing", "  \n", "privateKey is empty"],
    ["a public key", pem(rsa.publicKey, "spki"), "privateKey holds a public key where the private key is wanted"],
    [
      "a public key in Base64",
      der64(pem(rsa.publicKey, "spki")),
      "privateKey holds a public key where the private key is wanted"
    ],
    [
      "a PKCS#1 public key",
      pem(rsa.publicKey, "pkcs1"),
      "privateKey holds a public key where the private key is wanted"
    ],
    ["an EC key", pem(ec.privateKey, "pkcs8"), "privateKey holds an EC key; an RSA key is needed"],
    ["an EC key (SEC1)", pem(ec.privateKey, "sec1"), "privateKey holds an EC key; an RSA key is needed"],
    [
      "words",
      "please ask our finance department!",
      "privateKey is neither PEM (-----BEGIN …) nor Base64: paste the file's text, or the output of `base64 -w0 FILE`"
    ],
    [
      "Base64 of words",
      Buffer.from("hello, this is no key").toString("base64"),
      "privateKey is not a private key: it is Base64 of something else"
    ],
    [
      "a PEM without its end",
      pem(rsa.privateKey, "pkcs8").slice(0, 400),
      "privateKey is cut off: its END line is missing"
    ],
    [
      "Base64 cut at a byte",
      der64(pem(rsa.privateKey, "pkcs8")).slice(0, 400),
      "privateKey is cut off: the end of the file is missing"
    ],
    [
      "Base64 cut inside a byte",
      der64(pem(rsa.privateKey, "pkcs8")).slice(0, 401),
      "privateKey is cut off: its Base64 ends in the middle"
    ],
    [
      "two keys",
      pem(rsa.privateKey, "pkcs8") + pem(other.privateKey, "pkcs8"),
      "privateKey holds 2 private keys; give one"
    ],
    [
      "an encrypted PEM without password",
      rsa.privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "abc" }).toString(),
      "privateKey is encrypted: give its password, or decrypt it (openssl pkey -in FILE)"
    ]
  ])("%s", (_, text, message) => {
    expect(refusal(text)).toMatchObject({ _tag: "AccountInvalid", field: "privateKey", message })
  })

  test("a whole key with a second block that is cut off", () => {
    const text = `${pem(rsa.privateKey, "pkcs8")}-----BEGIN CERTIFICATE-----\nMIIC`
    expect(refusal(text).message).toBe("privateKey is cut off: its END line is missing")
  })

  test("a key with a damaged inside", () => {
    const bytes = Buffer.from(der64(pem(rsa.privateKey, "pkcs8")), "base64")
    bytes.fill(0xff, 30, 40)
    expect(refusal(bytes.toString("base64")).message).toStartWith("privateKey is damaged")
  })

  test("no error holds any of the text or the password", () => {
    const secret = der64(pem(rsa.privateKey, "pkcs8"))
    for (const text of [
      secret.slice(0, 301),
      `${secret}!`,
      secret.slice(0, 300),
      `-----BEGIN PRIVATE KEY-----\n${secret}`
    ]) {
      const said = JSON.stringify(refusal(text, "hunter2hunter2"))
      expect(said).not.toContain(secret.slice(0, 12))
      expect(said).not.toContain("hunter2")
    }
  })
})

describe("a public key is read from", () => {
  test.each(["spki", "pkcs1"] as const)("%s as PEM and as Base64, 1024 bits too", (type) => {
    for (const text of [
      pem(rsa.publicKey, type),
      der64(pem(rsa.publicKey, type)),
      `${der64(pem(rsa.publicKey, type))}\n\n`
    ]) {
      const found = Effect.runSync(readPublicKey("platformCertificate", text))
      expect(found.key.equals(rsa.publicKey)).toBe(true)
      expect(found.serialNumber).toBeUndefined()
    }
  })

  test.each([
    [
      "a private key",
      pem(rsa.privateKey, "pkcs8"),
      "platformCertificate holds a private key where the public one is wanted"
    ],
    ["an EC key", pem(ec.publicKey, "spki"), "platformCertificate holds an EC key; an RSA key is needed"],
    [
      "a cut key",
      der64(pem(rsa.publicKey, "spki")).slice(0, 100),
      "platformCertificate is cut off: the end of the file is missing"
    ],
    [
      "a public key with the private one beside it",
      pem(rsa.publicKey, "spki") + pem(rsa.privateKey, "pkcs8"),
      "platformCertificate holds a private key where the public one is wanted"
    ],
    [
      "anything else",
      "AAAA",
      "platformCertificate is neither a public key nor a certificate: it is Base64 of something else"
    ]
  ])("but %s is refused with a sentence", (_, text, message) => {
    expect(publicRefusal(text)).toMatchObject({ field: "platformCertificate", message })
  })
})

test("a pair is checked by its keys, not by its files", () => {
  Effect.runSync(checkPair("certificate", rsa.privateKey, rsa.publicKey))
  expect(Effect.runSync(Effect.flip(checkPair("certificate", rsa.privateKey, other.publicKey)))).toMatchObject({
    field: "certificate",
    message: "certificate does not belong to the private key"
  })
})

test("our own key in the provider's place is refused", () => {
  const check = (key: KeyObject) => checkNotOwn("platformCertificate", rsa.privateKey, key, "the provider's .cer")
  Effect.runSync(check(other.publicKey))
  expect(Effect.runSync(Effect.flip(check(rsa.publicKey)))).toMatchObject({
    field: "platformCertificate",
    message: "platformCertificate is our own key, the public half of privateKey; give the provider's .cer"
  })
})

describe.skipIf(!hasOpenssl("files made by openssl"))("files made by openssl", () => {
  let folder: ReturnType<typeof opensslFolder>
  const openssl = (...args: ReadonlyArray<string>) => folder.openssl(...args)
  const file = (name: string) => folder.file(name)
  const pfx64 = (name: string) => file(name).toString("base64")

  beforeAll(() => {
    folder = opensslFolder()
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "key.pem")
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem")
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "other.pem")
    openssl(
      "req",
      "-new",
      "-x509",
      "-key",
      "key.pem",
      "-subj",
      "/CN=shanghu_test",
      "-set_serial",
      "0x0BCDEF",
      "-out",
      "cert.pem"
    )
    openssl("req", "-new", "-x509", "-key", "other.pem", "-subj", "/CN=other", "-out", "other-cert.pem")
    openssl("req", "-new", "-x509", "-key", "ec.pem", "-subj", "/CN=ec", "-out", "ec-cert.pem")
    openssl("x509", "-in", "cert.pem", "-outform", "DER", "-out", "cert.cer")
    openssl("req", "-new", "-key", "key.pem", "-subj", "/CN=shanghu_test", "-out", "request.pem")
    openssl("crl2pkcs7", "-nocrl", "-certfile", "cert.pem", "-out", "list.p7b")
    openssl("rsa", "-in", "key.pem", "-aes128", "-traditional", "-passout", "pass:123456", "-out", "locked.pem")
    openssl("pkcs8", "-topk8", "-in", "key.pem", "-v2", "aes-256-cbc", "-passout", "pass:123456", "-out", "locked8.pem")
    const pfx = (out: string, password: string, ...more: ReadonlyArray<string>) =>
      openssl(
        "pkcs12",
        "-export",
        "-inkey",
        "key.pem",
        "-in",
        "cert.pem",
        "-passout",
        `pass:${password}`,
        "-out",
        out,
        ...more
      )
    pfx("new.pfx", "123456")
    pfx("chain.pfx", "123456", "-certfile", "other-cert.pem")
    pfx("open.pfx", "")
    // What the banks' own tools write: 3DES for the key, SHA-1 for the MAC (openssl needs no legacy provider for these).
    pfx("old.pfx", "123456", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "SHA1")
    openssl("pkcs12", "-export", "-inkey", "ec.pem", "-in", "ec-cert.pem", "-passout", "pass:1", "-out", "ec.pfx")
    openssl("pkcs12", "-export", "-nokeys", "-in", "cert.pem", "-passout", "pass:1", "-out", "nokey.pfx")
  })
  afterAll(() => folder.remove())

  const key = () => createPrivateKey(file("key.pem"))

  test.each(["new.pfx", "old.pfx", "chain.pfx"])(
    "%s opens with its password, and its own certificate gives the serial",
    (name) => {
      const opened = read(pfx64(name), "123456")
      expect(opened.key.equals(key())).toBe(true)
      expect(opened.serialNumber).toBe("0BCDEF")
    }
  )

  test("a .pfx without password opens without one", () => {
    expect(read(pfx64("open.pfx")).key.equals(key())).toBe(true)
  })

  test.each([
    ["wrong", "new.pfx", "654321", "privateKey is a .pfx file that does not open with the password given"],
    ["wrong (old)", "old.pfx", "654321", "privateKey is a .pfx file that does not open with the password given"],
    ["absent", "new.pfx", undefined, "privateKey is a .pfx file with a password: give it"],
    ["right, but the key is EC", "ec.pfx", "1", "privateKey holds an EC key; an RSA key is needed"],
    [
      "right, but there is no key",
      "nokey.pfx",
      "1",
      "privateKey holds a certificate and no private key; give the private key that it was made with"
    ]
  ])("a .pfx with a password that is %s", (_, name, password, message) => {
    expect(refusal(pfx64(name), password).message).toBe(message)
  })

  test("a damaged .pfx", () => {
    const bytes = file("new.pfx")
    bytes.fill(0x01, 14, 20) // inside the name of its first content
    expect(refusal(bytes.toString("base64"), "123456").message).toBe(
      "privateKey is a .pfx file that is damaged, or of a kind that cannot be read here"
    )
  })

  test.each(["locked.pem", "locked8.pem"])("%s opens with its password only", (name) => {
    const text = file(name).toString()
    expect(read(text, "123456").key.equals(key())).toBe(true)
    expect(refusal(text, "654321").message).toBe("privateKey does not open with the password given")
    expect(refusal(text).message).toBe(
      "privateKey is encrypted: give its password, or decrypt it (openssl pkey -in FILE)"
    )
  })

  test("a PEM with key and certificate gives both, and one whose certificate is another's is refused", () => {
    const both = read(file("key.pem").toString() + file("cert.pem").toString())
    expect(both.serialNumber).toBe("0BCDEF")
    expect(refusal(file("key.pem").toString() + file("other-cert.pem").toString()).message).toBe(
      "privateKey holds a certificate that does not belong to its private key"
    )
  })

  test.each(["cert.pem", "cert.cer"])("%s is read with its serial", (name) => {
    const text = name.endsWith("cer") ? file(name).toString("base64") : file(name).toString()
    const found = Effect.runSync(readPublicKey("platformCertificate", text))
    expect(found.serialNumber).toBe("0BCDEF")
    Effect.runSync(checkPair("platformCertificate", key(), found.key))
  })

  test.each([
    [
      "a certificate request",
      "request.pem",
      "privateKey holds a certificate request; give the private key that it was made with",
      "platformCertificate holds a certificate request; give the certificate that was issued for it"
    ],
    [
      "a certificate list",
      "list.p7b",
      "privateKey holds a PKCS#7 certificate list and no private key; give the private key or the .pfx file",
      "platformCertificate holds a PKCS#7 certificate list; give the one certificate (openssl pkcs7 -print_certs)"
    ],
    [
      "an encrypted key",
      "locked.pem",
      undefined,
      "platformCertificate holds a private key where the public one is wanted"
    ],
    ["an EC certificate", "ec-cert.pem", undefined, "platformCertificate holds an EC key; an RSA key is needed"],
    [
      "a certificate alone",
      "cert.pem",
      "privateKey holds a certificate and no private key; give the private key that it was made with",
      undefined
    ]
  ])("%s is named for what it is", (_, name, asPrivate, asPublic) => {
    const text = file(name).toString()
    if (asPrivate !== undefined) expect(refusal(text).message).toBe(asPrivate)
    if (asPublic !== undefined) expect(publicRefusal(text).message).toBe(asPublic)
  })

  test("a .pfx where the certificate is wanted is refused", () => {
    expect(publicRefusal(pfx64("new.pfx")).message).toBe(
      "platformCertificate holds a .pfx file; give only the public key or the certificate"
    )
  })
})
