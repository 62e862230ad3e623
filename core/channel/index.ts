/** Everything a channel's author imports. */

// A channel's folder may lie where "effect" cannot be resolved, so the parts that describe accounts are exported here.
export { Redacted, Schema } from "effect"
export type { GatewayUrls } from "../config/own-url.ts"
export { bytesOfBase64 } from "../domain/base64.ts"
export { CHANNEL_CODES, type Flow, type ProductType } from "../domain/channel-code.ts"
export { StoreUnavailable } from "../domain/errors.ts"
export { type Bilingual, fill, type InLanguage, inLanguage, type Language, type Texts } from "../domain/language.ts"
export { fenOfYuan, yuanText } from "../domain/money.ts"
export type { Json, JsonObject, Payment } from "../domain/order.ts"
export { canonicalString, hmacSha256, sameDigest } from "../domain/signature.ts"
export { shanghaiMs, shanghaiParts, shanghaiText } from "../domain/time.ts"
export { utf8Prefix } from "../domain/utf8-prefix.ts"
export { AccountInvalid, ChannelRejected, ChannelUncertain, NoticeRefused } from "./errors.ts"
export { type AsyncChannel, type AsyncHttp, type AsyncProvider, ChannelProvider, Secret } from "./from-async.ts"
export { ChannelHttp, type ChannelHttpAnswer, type ChannelHttpRequest } from "./http.ts"
export type {
  Bill,
  Channel,
  ChargeRef,
  ChargeRequest,
  ChargeState,
  CloseState,
  JsapiParams,
  Notice,
  PayerIdentity,
  Presentation,
  Product,
  RawNotice,
  RefundRef,
  RefundRequest,
  RefundState,
  Reply
} from "./provider.ts"
export type { ChannelSite, SiteAnswer, SiteContext, SiteFacts, SiteRequest, SiteResponse } from "./site.ts"
export { element, type SiteElement, type SiteNode, type SitePage } from "./site-page.ts"
