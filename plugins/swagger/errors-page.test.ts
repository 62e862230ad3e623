import { expect, test } from "bun:test"
import { errorCatalogue, fieldEntries } from "../../core/http/errors/catalogue.ts"
import { FRAMEWORK } from "../../core/http/errors/gateway.ts"
import { ROWS } from "../../core/http/errors/rows.ts"
import { FIELD_MESSAGES } from "../../core/http/merchant/field-messages.ts"
import { renderErrorsPage } from "./errors-page.ts"

test.each(["zh", "en"] as const)("The errors page has every error with its cause and its remedy, in %s", (language) => {
  const page = renderErrorsPage({ language })
  const entries = [...errorCatalogue(language), ...fieldEntries(language)]
  for (const name of [...Object.keys(ROWS), ...Object.keys(FRAMEWORK), ...Object.keys(FIELD_MESSAGES)]) {
    expect(page).toContain(`data-error="${name}"`)
    expect(entries.filter((entry) => entry.name === name && entry.cause !== "" && entry.remedy !== "")).not.toEqual([])
  }
  const han = /\p{Script=Han}/u
  for (const { message, cause, remedy } of entries) {
    for (const text of [message, cause, remedy]) expect([text, han.test(text)]).toEqual([text, language === "zh"])
  }
})
