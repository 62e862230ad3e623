import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { generateKeyPairSync } from "node:crypto"
import { Redacted } from "effect"
import { Aes, Formatter, Rsa, Wechatpay } from "wechatpay-axios-plugin"
import { openResource } from "../../channels/protocols/wechatpay-v3/resource.ts"
import { authorization, bridgeParams, requestMessage } from "../../channels/protocols/wechatpay-v3/sign.ts"
import { WechatPaySimulator } from "../../channels/protocols/wechatpay-v3/simulator.ts"

/** Our codec and our simulator, tested against another author's WeChat Pay client. */

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const signer = { mchid: "1900000001", serial: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", privateKey }

describe("Our codec and the SDK", () => {
  const request = {
    method: "GET",
    pathAndQuery: "/v3/pay/transactions/out-trade-no/QR1?mchid=1900000001",
    body: "",
    timestamp: 1_554_208_460,
    nonce: "593BEC0C930BF1AFEB40B4A08C8FB242"
  }

  test("make the same message and the same Authorization header", () => {
    const { method, pathAndQuery, timestamp, nonce, body } = request
    const message = Formatter.request(method, pathAndQuery, timestamp, nonce, body)
    expect(requestMessage(method, pathAndQuery, timestamp, nonce, body)).toBe(message)
    const theirs = Formatter.authorization(signer.mchid, nonce, Rsa.sign(message, privateKey), timestamp, signer.serial)
    const parts = (header: string) => [header.split(" ")[0], ...(header.split(" ")[1]?.split(",").sort() ?? [])]
    expect(parts(authorization(signer, request))).toEqual(parts(theirs))
  })

  test("sign what WeixinJSBridge takes alike", () => {
    const ours = bridgeParams(privateKey, {
      appId: "wx8888",
      prepayId: "wx201410272009395522657a",
      at: 1_414_561_699,
      nonce: "5K82"
    })
    const message = Formatter.joinedByLineFeed("wx8888", "1414561699", "5K82", "prepay_id=wx201410272009395522657a")
    expect(Rsa.verify(message, ours.paySign, publicKey)).toBe(true)
    expect(ours.paySign).toBe(Rsa.sign(message, privateKey))
  })

  test("open what the other has sealed", () => {
    const key = "0123456789abcdef0123456789abcdef"
    const text = JSON.stringify({ out_trade_no: "QR1", note: "茶" })
    const ciphertext = Aes.AesGcm.encrypt(text, key, "abcdefghijkl", "transaction")
    const resource = {
      algorithm: "AEAD_AES_256_GCM",
      ciphertext,
      nonce: "abcdefghijkl",
      associated_data: "transaction"
    } as const
    expect(openResource(Redacted.make(key), resource)).toBe(text)
    expect(openResource(Redacted.make(key), { ...resource, associated_data: "refund" })).toBeUndefined()
  })
})

describe("The SDK as a client of our simulator", () => {
  let simulator: WechatPaySimulator
  let client: Wechatpay
  beforeAll(async () => {
    simulator = await WechatPaySimulator.start({ serialMode: "public-key" })
    const { mchid, merchantSerial, privateKey, verification } = simulator.account()
    client = new Wechatpay({
      baseURL: simulator.origin,
      mchid,
      serial: merchantSerial,
      privateKey,
      certs: { [verification.publicKeyId ?? ""]: verification.publicKey ?? "" }
    })
  })
  afterAll(() => simulator?.stop())

  test("is let in, and believes the simulator's signed answers: order, query, close", async () => {
    const order = {
      appid: simulator.appIds[0],
      mchid: simulator.mchid,
      description: "茶",
      out_trade_no: "SDK20260315001",
      notify_url: "https://pay.example.com/api/notice/acc_1",
      amount: { total: 100, currency: "CNY" },
      payer: { openid: "oPayer" }
    }
    const placed = await client.chain("v3/pay/transactions/jsapi").post(order)
    expect((placed.data as unknown as { readonly prepay_id: string }).prepay_id).toStartWith("wx")
    const query = client.chain("v3/pay/transactions/out-trade-no/SDK20260315001")
    const asked = await query.get({ params: { mchid: simulator.mchid } })
    expect(asked.data).toMatchObject({ trade_state: "NOTPAY", amount: { total: 100 } })
    const closed = await client
      .chain("v3/pay/transactions/out-trade-no/SDK20260315001/close")
      .post({ mchid: simulator.mchid })
    expect(closed.status).toBe(204)
  })

  test("does not believe an answer of the simulator's that is wrongly signed", async () => {
    simulator.inject({ fault: "wrong-signature" })
    const query = client.chain("v3/pay/transactions/out-trade-no/SDK20260315001")
    await expect(query.get({ params: { mchid: simulator.mchid } })).rejects.toThrow()
  })
})
