// biome-ignore-all lint/suspicious/noVar: an old WeChat WebView reads this file; it is ES5 and XMLHttpRequest only
// biome-ignore-all lint/complexity/useArrowFunction: ES5
// biome-ignore-all lint/complexity/useOptionalChain: ES5
// biome-ignore-all lint/correctness/noInnerDeclarations: ES5
// biome-ignore-all lint/style/useTemplate: ES5

/*
 * The payer's page. Two rules: only the server's PAID shows success (what WeChat's bridge reports is no proof), and the
 * page asks the server each time before it opens WeChat, so that nobody pays twice.
 */
;(function () {
  var BRIDGE_WAIT_MS = 8000
  var ASK_TIMEOUT_MS = 10000
  /** Seconds between questions after WeChat said ok; about two minutes in all. */
  var CONFIRM_PAUSES_S = [1, 2, 2, 2, 2, 2, 3, 3, 4, 5, 5, 6, 8, 8, 10, 10, 10, 10, 10, 10, 10]
  /** Seconds between questions while the payment window is open, whose answer may never reach the page; about five minutes. */
  var WATCH_PAUSES_S = [5, 5, 5, 5, 5, 5, 10, 10, 10, 10, 10, 10, 15, 15, 15, 15, 15, 15, 20, 20, 20, 20, 20, 20]
  /** Seconds between the first questions, before the page gives the payer the button to try again. */
  var FIRST_PAUSES_S = [2, 3, 5, 5]
  /** For so long after WeChat's ok, a reload or a second tab does not open the payment window again. */
  var OK_MEMORY_MS = 15 * 60 * 1000

  var view = JSON.parse(byId("view").textContent)

  offerToClose()
  offerToGoBack()
  keepHistoryShort()
  if (view.kind === "invoke") checkout()
  if (view.kind === "open-in-wechat") {
    offerToCopy()
    // The server says what has become of the order.
    countDown(function () {
      location.reload()
    })
  }

  // -------------------------------------------------------------------------------------------------- paying

  function checkout() {
    var texts = view.texts
    var payButton = byId("pay-button")
    var askButton = byId("ask-button")
    /** checking, ready, opening, paying, confirming, unsure or settled. */
    var phase = ""
    /** Counts payment windows: the late answer of an abandoned one must not disturb the next. */
    var turn = 0
    var timer = 0
    /** Who hears the answer to the question under way; there is one question at a time, however many wait for it. */
    var listeners = []
    var asking = false
    /** Whether the time to pay is over. */
    var late = false

    payButton.onclick = function () {
      if (!payButton.disabled) start()
    }
    askButton.onclick = confirm
    on(document, "visibilitychange", function () {
      if (document.visibilityState === "visible") lookAgain()
    })
    on(window, "pageshow", function (event) {
      if (event.persisted) lookAgain()
    })
    on(window, "storage", function (event) {
      if (event.key === okKey() && phase !== "settled" && saidOk()) confirm()
    })
    countDown(function () {
      late = true
      if (phase === "ready") start()
    })
    start()

    /** Asks the server first and opens WeChat only for an order that is still unpaid. */
    function start() {
      turn += 1
      enter("checking", texts.checking)
      askUntilKnown(FIRST_PAUSES_S, function () {
        if (saidOk()) confirm()
        else if (late) settle("expired")
        else openWechat()
      })
    }

    function openWechat() {
      turn += 1
      var mine = turn
      enter("opening", texts.opening)
      whenBridge(function (bridge) {
        if (mine !== turn) return
        if (bridge === null) {
          enter("ready", texts.noBridge, "warn")
          return
        }
        enter("paying", texts.paying)
        watch(WATCH_PAUSES_S, function () {
          enter("ready", texts.ready)
        })
        try {
          bridge.invoke("getBrandWCPayRequest", view.jsapi, function (answer) {
            closed(mine, answer || {})
          })
        } catch (error) {
          closed(mine, { err_msg: "get_brand_wcpay_request:fail", err_desc: String(error && error.message) })
        }
      })
    }

    /** The payment window has closed and says how. */
    function closed(which, answer) {
      if (phase === "settled") return
      var word = String(answer.err_msg || answer.errMsg || "").split(":")[1] || ""
      if (word === "ok") {
        rememberOk()
        confirm()
      } else if (which === turn && phase === "paying") {
        turn += 1
        if (word === "cancel") enter("ready", texts.cancelled)
        else {
          // For the merchant's developer: its words mean nothing to a payer.
          if (window.console) console.info(answer.err_desc || answer.err_msg || "")
          enter("ready", texts.failed, "warn")
        }
        // Another tab may have paid meanwhile; then the button must go.
        ask(function () {})
      }
    }

    /** WeChat says that the payer has paid: waits for the server to say so. */
    function confirm() {
      turn += 1
      enter("confirming", texts.confirming)
      watch(CONFIRM_PAUSES_S, function () {
        enter("unsure", texts.unsure, "warn")
      })
    }

    /** The payer is back on the page: from WeChat's window, from another tab, or by the back button. */
    function lookAgain() {
      if (phase === "settled" || phase === "checking") return
      var mine = turn
      ask(function (known) {
        if (!known || mine !== turn) return
        if (phase === "confirming" || phase === "unsure") return
        if (saidOk()) confirm()
        else if (phase === "paying") {
          // The bridge answers soon after its window closes. If it never answers, the payer gets the button back.
          setTimeout(function () {
            if (mine === turn && phase === "paying") enter("ready", texts.ready)
          }, 3000)
        }
      })
    }

    // ------------------------------------------------------------------------------------ asking the server

    /** Asks after each pause while the order is PENDING or no answer comes. */
    function watch(pausesS, onGivingUp) {
      var mine = turn
      var next = 0
      step()
      function step() {
        clearTimeout(timer)
        if (next >= pausesS.length) {
          onGivingUp()
          return
        }
        timer = setTimeout(function () {
          ask(function (_known, waitS) {
            if (mine !== turn) return
            if (waitS > 0) timer = setTimeout(step, waitS * 1000)
            else step()
          })
        }, pausesS[next] * 1000)
        next += 1
      }
    }

    /** Asks until the server says PENDING, then continues; if no answer comes, the payer gets the button to try again. */
    function askUntilKnown(pausesS, onPending) {
      var mine = turn
      var next = 0
      step()
      function step() {
        ask(function (known, waitS) {
          if (mine !== turn) return
          if (known) {
            onPending()
            return
          }
          if (next >= pausesS.length) {
            enter("ready", texts.offline, "warn")
            return
          }
          say(waitS > 0 ? texts.busy : texts.checking)
          timer = setTimeout(step, Math.max(waitS, pausesS[next]) * 1000)
          next += 1
        })
      }
    }

    /**
     * One question. A settled order is shown at once, whoever asked. Otherwise the asker hears whether the order is known
     * to be PENDING and, after "too many requests", how many seconds to wait.
     */
    function ask(then) {
      if (phase === "settled") return
      listeners.push(then)
      if (asking) return
      asking = true
      var request = new XMLHttpRequest()
      var over = false
      request.open("GET", "/api/cashier/pay-state?token=" + encodeURIComponent(view.token), true)
      request.setRequestHeader("Accept", "application/json")
      request.setRequestHeader("Cache-Control", "no-cache")
      request.onreadystatechange = function () {
        if (request.readyState === 4) finish()
      }
      // Old WebViews have no XMLHttpRequest.timeout.
      var limit = setTimeout(function () {
        request.abort()
        finish()
      }, ASK_TIMEOUT_MS)
      request.send(null)

      function finish() {
        if (over) return
        over = true
        asking = false
        clearTimeout(limit)
        read(request)
      }
    }

    function read(request) {
      if (phase === "settled") return
      var code = request.status
      var state = ""
      if (code === 200) {
        try {
          state = JSON.parse(request.responseText).data.status_name
        } catch (_unreadable) {
          code = 0
        }
      }
      if (state === "PAID") settle("paid")
      else if (state === "REFUNDED") settle("refunded")
      else if (code === 400 || state === "FAILED" || state === "CLOSED") settle("expired")
      else {
        var told = listeners
        var waitS = code === 429 ? Math.min(Number(request.getResponseHeader("Retry-After")) || 5, 30) : 0
        listeners = []
        for (var i = 0; i < told.length; i += 1) told[i](state === "PENDING", waitS)
      }
    }

    // -------------------------------------------------------------------------------------- what the payer sees

    function enter(name, text, tone) {
      clearTimeout(timer)
      phase = name
      document.body.setAttribute("data-phase", name)
      payButton.disabled = name !== "ready"
      payButton.hidden = name === "confirming" || name === "unsure"
      askButton.hidden = name !== "unsure"
      // Whoever may have paid is not to hurry.
      byId("time-left").hidden = name === "confirming" || name === "unsure"
      say(text, tone)
    }

    function say(text, tone) {
      var line = byId("status")
      if (line.textContent !== text) line.textContent = text
      line.className = tone ? "status " + tone : "status"
    }

    /** Shows how the order ended and removes the button for good. */
    function settle(result) {
      phase = "settled"
      turn += 1
      clearTimeout(timer)
      document.body.setAttribute("data-phase", result)
      var pay = byId("pay")
      pay.parentNode.removeChild(pay)
      var shown = byId(result)
      shown.hidden = false
      var title = shown.getElementsByTagName("h1")[0]
      document.title = title.textContent
      title.focus()
      window.scrollTo(0, 0)
    }

    // ------------------------------------------------------------------------- what other tabs and reloads know

    function okKey() {
      return "payhub.ok." + view.orderNo
    }

    function rememberOk() {
      try {
        localStorage.setItem(okKey(), String(Date.now()))
      } catch (_noStorage) {
        // A private window: only this tab knows.
      }
    }

    function saidOk() {
      try {
        var age = Date.now() - Number(localStorage.getItem(okKey()))
        return age >= 0 && age < OK_MEMORY_MS
      } catch (_noStorage) {
        return false
      }
    }
  }

  // ------------------------------------------------------------------------------------------------- the bridge

  /** Calls back once: with WeChat's bridge, or with null if it does not appear in time. */
  function whenBridge(then) {
    var told = false
    function tell() {
      if (told) return
      told = true
      clearTimeout(limit)
      then(window.WeixinJSBridge || null)
    }
    var limit = setTimeout(tell, BRIDGE_WAIT_MS)
    if (window.WeixinJSBridge) {
      tell()
      return
    }
    if (document.addEventListener) document.addEventListener("WeixinJSBridgeReady", tell, false)
    else if (document.attachEvent) {
      document.attachEvent("WeixinJSBridgeReady", tell)
      document.attachEvent("onWeixinJSBridgeReady", tell)
    }
  }

  /** Shows a result page's button where there is a WeChat window to close. */
  function offerToClose() {
    var buttons = document.querySelectorAll(".close-button")
    // The sandbox's bridge has no window to close.
    if (buttons.length === 0 || view.standIn) return
    whenBridge(function (bridge) {
      if (bridge === null || typeof bridge.call !== "function") return
      for (var i = 0; i < buttons.length; i += 1) {
        buttons[i].hidden = false
        buttons[i].onclick = function () {
          bridge.call("closeWindow")
        }
      }
    })
  }

  /** Shows the buttons that lead back where there is a page to go back to. */
  function offerToGoBack() {
    if (history.length < 2) return
    var buttons = document.querySelectorAll(".back-button")
    for (var i = 0; i < buttons.length; i += 1) {
      buttons[i].hidden = false
      buttons[i].onclick = function () {
        history.back()
      }
    }
  }

  /** Our own links replace the page, so that the way back still leads to where the payer came from. */
  function keepHistoryShort() {
    var links = document.querySelectorAll("a.language, .sandbox a")
    for (var i = 0; i < links.length; i += 1) {
      links[i].onclick = function () {
        location.replace(this.href)
        return false
      }
    }
  }

  /** Shows the time left to pay, by the server's clock, and says once when it is over. */
  function countDown(then) {
    var line = byId("time-left")
    var loadedAt = Date.now()
    var ticking = setInterval(tick, 1000)
    tick()
    function tick() {
      var left = Math.max(0, Math.ceil((view.leftMs - (Date.now() - loadedAt)) / 1000))
      var parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60]
      if (parts[0] === 0) parts.shift()
      for (var i = 0; i < parts.length; i += 1) parts[i] = (parts[i] < 10 ? "0" : "") + parts[i]
      line.textContent = view.texts.timeLeft.replace("{time}", parts.join(":"))
      if (left > 0) return
      clearInterval(ticking)
      then()
    }
  }

  function offerToCopy() {
    byId("copy").hidden = false
    byId("copy-button").onclick = function () {
      var field = document.createElement("textarea")
      field.value = location.href
      field.readOnly = true
      field.className = "offstage"
      document.body.appendChild(field)
      field.select()
      field.setSelectionRange(0, field.value.length)
      var copied = false
      try {
        copied = document.execCommand("copy")
      } catch (_refused) {
        copied = false
      }
      document.body.removeChild(field)
      byId("copy-button").focus()
      byId("status").textContent = copied ? view.texts.copied : view.texts.copyFailed
    }
  }

  function byId(id) {
    return document.getElementById(id)
  }

  function on(target, name, listener) {
    if (target.addEventListener) target.addEventListener(name, listener, false)
  }
})()
