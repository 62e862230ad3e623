import type { ListedChannel } from "../../cashier/channel-list.ts"
import type { Language } from "../../domain/language.ts"

/** A channel as `GET /api/cashier/channels` answers it; limits in fen. */
export const channelView = ({ product, live, test }: ListedChannel, language: Language) => ({
  code: product.code,
  name: language === "zh" ? product.name : product.nameEn,
  type: product.type,
  live,
  test,
  ...(product.minFen === undefined ? {} : { min_amount: product.minFen }),
  ...(product.maxFen === undefined ? {} : { max_amount: product.maxFen })
})
