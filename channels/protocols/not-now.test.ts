import { expect, test } from "bun:test"
import { saysNotNow } from "./not-now.ts"

test.each([
  "FREQUENCY_LIMITED",
  "RATELIMITED",
  "isv.app-call-limited",
  "isp.unknow-error",
  "ACQ.SYSTEM_ERROR",
  "ACQ_SYSTEM_BUSY",
  "ACQ.BUSINESS_TIMEOUT_ERROR",
  "Too many requests",
  "INVALID_REQUEST 请求过于频繁",
  "7001 系统繁忙，请稍后再试",
  "8001 交易处理中"
])("%s says nothing about the order", (words) => {
  expect(saysNotNow(words)).toBe(true)
})

test.each([
  "NO_AUTH 商户无权限",
  "7990 没找到路由",
  "ACQ.INVALID_PARAMETER 参数有误",
  "ORDER_CLOSED 该订单已关闭",
  "DUPLICATE_ORDER 商户订单号重复"
])("%s is about the order", (words) => {
  expect(saysNotNow(words)).toBe(false)
})
