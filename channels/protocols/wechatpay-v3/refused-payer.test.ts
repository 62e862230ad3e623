import { expect, test } from "bun:test"
import { rejected } from "./errors.ts"

test.each<[string, string, "payer" | "everyone" | undefined]>([
  ["PARAM_ERROR", "输入源“/body/payer/openid”映射到值字段“用户标识”字符串规则校验失败", "payer"],
  ["PARAM_ERROR", "无效的openid", "payer"],
  ["INVALID_REQUEST", "appid and openid not match", "payer"],
  ["INVALID_REQUEST", "OpenID与AppID不匹配", "payer"],
  ["ACCOUNT_ERROR", "用户账号异常", "payer"],
  ["USER_ACCOUNT_ABNORMAL", "用户账号注销", "payer"],
  ["SIGN_ERROR", "签名错误", "everyone"],
  ["APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配", "everyone"],
  ["MCH_NOT_EXISTS", "商户号不存在", "everyone"],
  // These may be about the merchant, the amount or the payer: WeChat Pay does not say.
  ["PARAM_ERROR", "time_expire: 已过期", undefined],
  ["INVALID_REQUEST", "无效请求", undefined],
  ["NO_AUTH", "商户无权限", undefined],
  ["RULE_LIMIT", "业务规则限制", undefined]
])("a refusal %s (%s) concerns %p", (code, message, concerns) => {
  expect(rejected({ status: 400, code, message, requestId: "r" }).concerns).toBe(concerns as "payer")
})
