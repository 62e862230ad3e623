/*
 * "Too often", "busy", "timed out", "still processing", "try later": words of a provider that say nothing about the
 * order. Few codes of this kind are published, so they are known by their words, in codes and in Chinese texts.
 */
const CODES =
  /FREQUEN|RATE_?LIMIT|LIMIT_?RATE|CALL_?LIMIT|FLOW_?(LIMIT|CONTROL)|TOO_?(MANY|OFTEN|FAST)|SYSTEM_?(ERROR|BUSY|EXCEPTION)|BUSY|TIME_?OUT|PROCESSING|CONCURREN|UNKNO?WN?_?ERROR|TRY_?(AGAIN|LATER)|RETRY/i
const TEXTS = /频繁|频率|限流|流控|并发|繁忙|超时|处理中|稍后|稍候|重试|系统(异常|错误)/

/** Whether a refusal's words say only "not now", which proves nothing about the order: it is uncertain. */
export const saysNotNow = (words: string): boolean => CODES.test(words.replaceAll(/[\s.-]/g, "_")) || TEXTS.test(words)
