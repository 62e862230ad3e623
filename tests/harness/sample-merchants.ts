import type { NewMerchant } from "../../core/pipeline/persistence/merchants.ts"

/** A test merchant that every address may call. */
export const aMerchant = (appId: string, change: Partial<NewMerchant> = {}): NewMerchant => ({
  appId,
  name: "咖啡店",
  mode: "test",
  callbackUrl: null,
  allowIps: [],
  throttle: null,
  accounts: null,
  sealedSecret: "v1.sealed",
  ...change
})
