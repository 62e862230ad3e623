/** The origin of WeChat's authorize page, by default. */
export const AUTHORIZE_ORIGIN = "https://open.weixin.qq.com"

/** Whether WeChat returns a state unchanged. */
export const isState = (text: string): boolean => /^[A-Za-z0-9]{1,128}$/.test(text)

/**
 * The URL of the page that sends a payer inside WeChat back to `redirectUrl` with `code` and `state`, without asking
 * anything (snsapi_base: the openid only). The order of the parameters and the fragment are part of the protocol:
 * WeChat's client compares text (protocols/channels.md B).
 * @param to.redirectUrl its host is the account's registered 网页授权域名
 * @param to.state see isState
 */
export const authorizeUrl = (to: {
  readonly origin: string
  readonly appId: string
  readonly redirectUrl: string
  readonly state: string
}): string =>
  `${to.origin}/connect/oauth2/authorize?appid=${encodeURIComponent(to.appId)}` +
  `&redirect_uri=${encodeURIComponent(to.redirectUrl)}&response_type=code&scope=snsapi_base` +
  `&state=${encodeURIComponent(to.state)}#wechat_redirect`
