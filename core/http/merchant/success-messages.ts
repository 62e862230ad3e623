import type { Bilingual } from "../../domain/language.ts"

/** The message of a successful call that only reads. */
export const OK: Bilingual = { zh: "ok", en: "ok" }

/** The message of a successful call that places an order. */
export const ORDERED: Bilingual = { zh: "下单成功", en: "Order placed" }
