// biome-ignore-all lint/suspicious/noVar: an old WeChat WebView reads this file; it is ES5 and XMLHttpRequest only
// biome-ignore-all lint/complexity/useArrowFunction: ES5

/*
 * The page that a payer comes back to while nobody knows whether the order is paid: asks the server until it knows,
 * then loads the page again, which shows the result.
 */
;(function () {
  /** Seconds between questions; about two minutes in all. Then the payer asks by the button. */
  var PAUSES_S = [1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 5, 5, 5, 5, 10, 10, 10, 10, 10, 10, 10]

  var view = JSON.parse(document.getElementById("view").textContent)
  var asked = 0
  wait(0)

  function wait(moreS) {
    if (asked >= PAUSES_S.length) {
      document.getElementById("advice").textContent = view.texts.unsure
      return
    }
    setTimeout(ask, Math.max(moreS, PAUSES_S[asked]) * 1000)
    asked += 1
  }

  function ask() {
    var request = new XMLHttpRequest()
    request.open("GET", view.stateUrl, true)
    request.setRequestHeader("Cache-Control", "no-cache")
    request.onreadystatechange = function () {
      if (request.readyState === 4) read(request)
    }
    request.send(null)
  }

  function read(request) {
    var state = ""
    try {
      state = JSON.parse(request.responseText).data.status_name
    } catch (_unreadable) {
      state = ""
    }
    if (request.status === 200 && state !== "" && state !== "PENDING") location.reload()
    else wait(request.status === 429 ? Number(request.getResponseHeader("Retry-After")) || 5 : 0)
  }
})()
