import { randomBytes } from "node:crypto"
import type { NoticeFault } from "../simulator/faults.ts"
import { sealResource } from "./simulator-keys.ts"
import type { SimulatorSigner } from "./simulator-signer.ts"

/** Posts an event once, as WeChat Pay does: sealed with the merchant's APIv3 key, and signed. */
export const pushWechatPayNotice = async (
  url: string,
  event: { readonly type: string; readonly resource: unknown; readonly nowMs: number },
  by: { readonly signer: SimulatorSigner; readonly apiV3Key: string },
  fault: NoticeFault | undefined
): Promise<{ readonly status: number; readonly body: string }> => {
  const apiV3Key = fault === "other-key" ? "0".repeat(32) : by.apiV3Key
  const sent = JSON.stringify({
    id: `EV-${randomBytes(8).toString("hex")}`,
    create_time: new Date(event.nowMs).toISOString(),
    event_type: event.type,
    resource_type: "encrypt-resource",
    summary: "支付成功",
    resource: {
      original_type: "transaction",
      ...sealResource(apiV3Key, JSON.stringify(event.resource), "transaction")
    }
  })
  const signatureFault = fault === "tampered" || fault === "other-key" ? undefined : fault
  const headers = { "content-type": "application/json", ...by.signer.sign(sent, undefined, signatureFault) }
  const body = fault === "tampered" ? sent.replace('"支付成功"', '"退款成功"') : sent
  const answer = await fetch(url, { method: "POST", headers, body })
  return { status: answer.status, body: await answer.text() }
}
