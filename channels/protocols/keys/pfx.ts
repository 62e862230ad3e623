import forge from "node-forge"

/*
 * node:crypto does not read PKCS#12, and encrypted PEM not on every runtime, so node-forge opens the container. It
 * yields DER, which node:crypto parses: no key is ever used through node-forge.
 */

/** What a container held, still as DER. */
export interface Opened {
  readonly privateKeys: ReadonlyArray<Uint8Array>
  readonly certificates: ReadonlyArray<Uint8Array>
}

export type Locked = "wrong-password" | "damaged"

/**
 * Opens a .pfx / .p12 (3DES, RC2, PBES2 with AES). An empty password is tried as "" and as none: writers mean either.
 */
export const openPfx = (der: Uint8Array, password: string): Opened | Locked => {
  const asn1 = parse(der)
  if (asn1 === undefined) return "damaged"
  for (const tried of password === "" ? ["", undefined] : [password]) {
    try {
      const pfx = forge.pkcs12.pkcs12FromAsn1(asn1, false, tried)
      const bags = pfx.safeContents.flatMap((content) => content.safeBags)
      const { keyBag, pkcs8ShroudedKeyBag, certBag } = forge.pki.oids
      // A key that node-forge cannot read (EC) stays in `asn1`; RSA keys and certificates are encoded again.
      return {
        privateKeys: bags
          .filter((bag) => bag.type === keyBag || bag.type === pkcs8ShroudedKeyBag)
          .map((bag) =>
            bytes(bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : (bag.asn1 ?? asn1))
          ),
        certificates: bags
          .filter((bag) => bag.type === certBag)
          .map((bag) => bytes(bag.cert ? forge.pki.certificateToAsn1(bag.cert) : (bag.asn1 ?? asn1)))
      }
    } catch (error) {
      // node-forge's own words, which hold no secret: "PKCS#12 MAC could not be verified. Invalid password?" …
      if (!/could not be verified|decrypt/i.test(error instanceof Error ? error.message : "")) return "damaged"
    }
  }
  return "wrong-password"
}

/** Decrypts PKCS#8 "ENCRYPTED PRIVATE KEY". A wrong password yields nothing, or bytes that are no DER. */
export const openEncryptedDer = (der: Uint8Array, password: string): Uint8Array | Locked => {
  const asn1 = parse(der)
  if (asn1 === undefined) return "damaged"
  try {
    const opened: forge.asn1.Asn1 | null = forge.pki.decryptPrivateKeyInfo(asn1, password)
    return opened === null ? "wrong-password" : bytes(opened)
  } catch {
    return "wrong-password"
  }
}

/** Decrypts a traditional PEM block ("Proc-Type: 4,ENCRYPTED"), RSA only. */
export const openEncryptedPem = (pem: string, password: string): Uint8Array | Locked => {
  try {
    const key: forge.pki.rsa.PrivateKey | null = forge.pki.decryptRsaPrivateKey(pem, password)
    return key === null ? "wrong-password" : bytes(forge.pki.privateKeyToAsn1(key))
  } catch {
    return "wrong-password"
  }
}

const parse = (der: Uint8Array): forge.asn1.Asn1 | undefined => {
  try {
    return forge.asn1.fromDer(forge.util.createBuffer(Buffer.from(der).toString("latin1")))
  } catch {
    return undefined
  }
}

const bytes = (asn1: forge.asn1.Asn1): Uint8Array => Buffer.from(forge.asn1.toDer(asn1).getBytes(), "latin1")
