import {
  ChannelUnavailable,
  ChargeUncertain,
  DuplicateOrder,
  OrderNotFound,
  OrderNumberMissing
} from "../../domain/errors.ts"
import { FRAMEWORK } from "./gateway.ts"
import type { Rows } from "./row.ts"

/** The order number in the documented cases. */
const ORDER_NO = "QR20260315120000A1B2C3D4"

/** Errors about the order and about the channel that should take it. */
export const ORDER_ROWS = {
  OrderNumberMissing: {
    code: 400,
    message: {
      zh: "order_no 和 merchant_order_no 至少传一个",
      en: "Give at least one of order_no and merchant_order_no"
    },
    error: new OrderNumberMissing(),
    cause: { zh: "查询时两个单号都没有传。", en: "The query has neither number." },
    remedy: { zh: "传 order_no 或 merchant_order_no 之一。", en: "Send order_no or merchant_order_no." }
  },
  DuplicateOrder: {
    code: 400,
    message: { zh: "商户订单号已存在,请勿重复提交", en: "merchant_order_no exists, do not submit it again" },
    error: new DuplicateOrder(),
    cause: {
      zh: "这个 merchant_order_no 已经下过单。每个商户的订单号永久唯一。",
      en: "An order with this merchant_order_no exists. A number is unique per merchant permanently."
    },
    remedy: {
      zh: "先用 order-query 查询原订单；确实需要新订单时换一个订单号。",
      en: "Query the existing order with order-query; use a new number only if you really want another order."
    }
  },
  OrderNotFound: {
    code: 404,
    message: { zh: "订单不存在", en: "No such order" },
    error: new OrderNotFound(),
    cause: {
      zh: "没有这个订单，或它不属于当前 app_id。",
      en: "There is no such order, or it is not this app_id's."
    },
    remedy: { zh: "核对单号与 app_id。", en: "Check the number and the app_id." }
  },
  ChannelUnavailable: {
    answer: ({ orderNo }) => ({
      code: 400,
      message: { zh: "支付渠道不可用", en: "Payment channel unavailable" },
      data: orderNo === null ? null : { order_no: orderNo }
    }),
    cases: [
      {
        error: new ChannelUnavailable({ orderNo: null }),
        cause: {
          zh: "没有可用渠道接受这笔订单（data 为 null）。订单未创建，订单号仍可使用。jsapi-pay-info 中：渠道拒绝了这个付款人，或商户、渠道已停用；订单仍为待支付。",
          en: "No channel could take the order (data is null). Nothing was created and the number is still free. From jsapi-pay-info: the channel refused this payer, or the merchant or channel is disabled; the order is still PENDING."
        },
        remedy: {
          zh: "查看 GET /api/cashier/channels 中哪些渠道可用、金额限制是多少；稍后可用同一订单号重试。",
          en: "Check GET /api/cashier/channels for the available channels and their limits; you can retry later with the same number."
        }
      },
      {
        error: new ChannelUnavailable({ orderNo: ORDER_NO }),
        cause: {
          zh: "渠道明确拒绝了这笔订单（data.order_no 有值）。订单状态为 FAILED，订单号已被使用。",
          en: "A channel definitely refused the order (data.order_no is set). The order is FAILED and its number is used up."
        },
        remedy: {
          zh: "换一个 merchant_order_no 重新下单。",
          en: "Place the order again with another merchant_order_no."
        }
      }
    ]
  },
  ChargeUncertain: {
    answer: ({ orderNo }) => ({
      code: FRAMEWORK.internal.code,
      message: FRAMEWORK.internal.message,
      data: { order_no: orderNo }
    }),
    cases: [
      {
        error: new ChargeUncertain({ orderNo: ORDER_NO }),
        cause: {
          zh: "渠道超时或应答不明：还不知道付款是否已受理。订单为待支付，网关会继续向渠道查询。",
          en: "The channel timed out or answered unclearly: nobody knows yet whether it accepted the payment. The order is PENDING and the gateway keeps asking the channel."
        },
        remedy: {
          zh: "用 merchant_order_no 查询结果，在得到结果之前不要换新单号下单。",
          en: "Query by merchant_order_no; do not place the order under a new number before you know the result."
        }
      }
    ]
  }
} as const satisfies Partial<Rows>
