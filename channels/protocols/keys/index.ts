/** Reading the keys that operators paste: every format they come in, and a plain sentence for each way to be wrong. */
export { type PrivateKey, readPrivateKey } from "./private-key.ts"
export { checkPair, type PublicKey, readPublicKey, sameKey } from "./public-key.ts"
