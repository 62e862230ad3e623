/* Starts Swagger UI over this gateway's document, and leads to the place of it that the address names. */

const { search } = new URL(import.meta.url)
const [{ panel, prepared }, { samplesPanel }, { translate }] = await Promise.all(
  ["try-it.js", "samples.js", "translate.js"].map((name) => import(`./${name}${search}`))
)

const { language, signedMark, sections, translation, texts } = JSON.parse(
  document.getElementById("reference").textContent
)
const root = document.getElementById("swagger-ui")

/** The tag of each operation, by its id: Swagger UI knows an operation by both. */
const tags = new Map()

start().catch((error) => {
  root.textContent = texts.loading
  throw error
})

async function start() {
  const response = await fetch(`/swagger/json?lang=${language}`)
  const spec = await response.json()
  // Requests go to the page's own origin, whatever the public URL: the content policy allows nothing else.
  spec.servers = [{ url: location.origin }]
  const operations = [...Object.values(spec.paths), ...Object.values(spec.webhooks)].flatMap((item) =>
    Object.values(item)
  )
  for (const { operationId, tags: [tag] = ["webhooks"] } of operations) tags.set(operationId, tag)
  const samples = new Map(
    operations
      .filter((operation) => "x-codeSamples" in operation)
      .map(({ operationId, "x-codeSamples": found }) => [operationId, samplesPanel(found, operationId)])
  )
  const signed = new Set(
    Object.entries(spec.paths)
      .filter(([, methods]) => methods.post?.[signedMark] === true)
      .map(([path]) => path)
  )
  if (translation !== null) translate(root, translation)
  globalThis.ui = globalThis.SwaggerUIBundle({
    spec,
    dom_id: "#swagger-ui",
    // The address names operations by their ids alone, the same in both languages (below).
    deepLinking: false,
    defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 4,
    docExpansion: "list",
    displayRequestDuration: true,
    tryItOutEnabled: false,
    validatorUrl: null,
    requestInterceptor: (request) => prepared(request, signed),
    plugins: [
      {
        wrapComponents: {
          // There is no choice of servers.
          ServersContainer:
            (_servers, { React }) =>
            () =>
              placeFor(React, panel),
          parameters:
            (Parameters, { React }) =>
            (props) =>
              React.createElement(
                React.Fragment,
                null,
                placeFor(React, samples.get(props.operation.get("operationId"))),
                React.createElement(Parameters, props)
              )
        },
        statePlugins: {
          layout: {
            wrapActions: {
              show:
                (original) =>
                (thing, shown = true) => {
                  const [kind, , id] = thing
                  if (kind === "operations" && shown && placeInAddress()[0] !== id) {
                    history.replaceState(null, "", `#${id}`)
                  }
                  return original(thing, shown)
                }
            }
          }
        }
      }
    ]
  })
  await present(() => root.querySelector(".info h3"))
  for (const [i, heading] of root.querySelectorAll(".info h3").entries()) heading.id = sections[i] ?? ""
  addEventListener("hashchange", go)
  await go()
  // side.js looks where the reader is.
  dispatchEvent(new Event("scroll"))
}

/** A place in Swagger UI's tree for an element of ours. */
function placeFor(React, element) {
  if (element === undefined) return null
  const place = (node) => {
    if (node === null || node.contains(element)) return
    node.append(element)
    element.hidden = false
  }
  return React.createElement("div", { ref: place })
}

/** `#qrcodePay.amount` → the operation and a field; links of Swagger UI's own form, `#/tag/qrcodePay`, lead there too. */
function placeInAddress() {
  const named = decodeURIComponent(location.hash.slice(1)).split("/").at(-1) ?? ""
  const [id = "", ...field] = named.split(".")
  return [id, field]
}

async function go() {
  const [id, field] = placeInAddress()
  const tag = tags.get(id)
  if (tag === undefined) return document.getElementById(id)?.scrollIntoView()
  globalThis.ui.layoutActions.show(["operations", tag, id], true)
  const find = () => root.querySelector(`.opblock[id$="-${CSS.escape(id)}"]:has(.responses-inner)`)
  const block = await present(find)
  const row = field.length === 0 ? undefined : rowOf(block, field)
  const target = row ?? block
  target.scrollIntoView({ block: row === undefined ? "start" : "center" })
  if (row === undefined) return
  for (const other of root.querySelectorAll(".found")) other.classList.remove("found")
  row.classList.add("found")
}

/** The row of a field: `data.…` is the answer's, everything else the request's. */
function rowOf(block, [first, ...rest]) {
  const answered = first === "data" && rest.length > 0
  const name = answered ? rest.join(".") : first
  const parameter = block.querySelector(`tr[data-param-name="${CSS.escape(name)}"]`)
  if (!answered && parameter !== null) return parameter
  const part = block.querySelector(answered ? ".responses-wrapper" : ".opblock-section-request-body")
  const codes = [...(part?.querySelectorAll("td:first-child > code") ?? [])]
  return codes.find((code) => code.textContent === name)?.closest("tr")
}

/** What `find` finds, once Swagger UI has drawn it. */
function present(find) {
  return new Promise((done) => {
    const found = find()
    if (found) return done(found)
    const observer = new MutationObserver(() => {
      const later = find()
      if (!later) return
      observer.disconnect()
      done(later)
    })
    observer.observe(root, { subtree: true, childList: true })
  })
}
