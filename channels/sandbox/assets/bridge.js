// A stand-in for WeChat's WeixinJSBridge: it lets any browser pay a JSAPI order of test mode.
// ES5 and XMLHttpRequest for old WebViews; styles are set through the CSSOM, which a strict CSP allows.
// biome-ignore-all lint: the rules for modern JavaScript do not hold for ES5
;(function () {
  var language = /^en/i.test(document.documentElement.lang || navigator.language || "zh") ? "en" : "zh"
  var texts = {
    title: { zh: "微信支付（沙箱）", en: "WeChat Pay (sandbox)" },
    pay: { zh: "支付", en: "Pay" },
    fail: { zh: "支付失败", en: "Fail" },
    cancel: { zh: "取消", en: "Cancel" },
    free: { zh: "测试环境，不会产生真实扣款", en: "Test mode, no real money moves" }
  }
  var open = false

  function post(action, params, done) {
    var request = new XMLHttpRequest()
    request.open("POST", "/sandbox/wechat/" + action)
    request.setRequestHeader("Content-Type", "application/json")
    request.timeout = 20000
    request.onload = function () {
      var answer = null
      if (request.status === 200) {
        try {
          answer = JSON.parse(request.responseText)
        } catch (_error) {
          answer = null
        }
      }
      done(answer)
    }
    request.onerror = request.ontimeout = function () {
      done(null)
    }
    request.send(JSON.stringify(params))
  }

  function element(tag, text, styles, parent) {
    var made = document.createElement(tag)
    if (text !== "") made.textContent = text
    for (var name in styles) made.style[name] = styles[name]
    parent.appendChild(made)
    return made
  }

  function sheet(order, choose) {
    var veil = element(
      "div",
      "",
      {
        position: "fixed",
        left: "0",
        right: "0",
        top: "0",
        bottom: "0",
        zIndex: "2147483000",
        background: "rgba(16, 24, 40, 0.5)",
        font: '16px/1.6 -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif'
      },
      document.body
    )
    var box = element(
      "div",
      "",
      {
        position: "absolute",
        left: "0",
        right: "0",
        bottom: "0",
        maxWidth: "480px",
        margin: "0 auto",
        padding: "24px 24px 32px",
        boxSizing: "border-box",
        borderRadius: "16px 16px 0 0",
        background: "#ffffff",
        color: "#1c2430",
        textAlign: "center",
        outline: "none"
      },
      veil
    )
    box.setAttribute("role", "dialog")
    box.setAttribute("aria-modal", "true")
    box.setAttribute("aria-label", texts.title[language])
    box.setAttribute("tabindex", "-1")
    element("div", texts.title[language], { color: "#667085", fontSize: "14px" }, box)
    element(
      "div",
      "¥" + order.yuan,
      { margin: "12px 0 0", fontSize: "40px", fontWeight: "600", lineHeight: "1.3" },
      box
    )
    element("div", order.description, { margin: "4px 0 24px", color: "#667085", wordBreak: "break-word" }, box)
    function button(action, label, main) {
      var made = element(
        "button",
        label,
        {
          display: "block",
          width: "100%",
          height: main ? "52px" : "48px",
          margin: "0 0 12px",
          border: main ? "0" : "1px solid #e6e9ef",
          borderRadius: "10px",
          background: main ? "#1668dc" : "#ffffff",
          color: main ? "#ffffff" : "#1c2430",
          font: "inherit",
          fontWeight: main ? "600" : "400",
          cursor: "pointer"
        },
        box
      )
      made.setAttribute("type", "button")
      made.setAttribute("data-sandbox", action)
      made.onclick = function () {
        if (!open) return
        open = false
        box.style.opacity = "0.6"
        choose(action, function () {
          document.body.removeChild(veil)
          if (focused !== null) focused.focus()
        })
      }
    }
    // As every dialog: Escape closes it, Tab stays in it, and the focus goes back to where it was.
    var buttons = box.getElementsByTagName("button")
    var focused = document.activeElement
    box.onkeydown = function (event) {
      if (event.key === "Escape" || event.keyCode === 27) {
        buttons[buttons.length - 1].click()
      } else if (event.key === "Tab" || event.keyCode === 9) {
        var edge = event.shiftKey ? buttons[0] : buttons[buttons.length - 1]
        if (document.activeElement !== edge && document.activeElement !== box) return
        buttons[event.shiftKey ? buttons.length - 1 : 0].focus()
        event.preventDefault()
      }
    }
    button("pay", texts.pay[language], true)
    button("fail", texts.fail[language], false)
    button("cancel", texts.cancel[language], false)
    element("div", texts.free[language], { margin: "8px 0 0", color: "#667085", fontSize: "13px" }, box)
    box.focus()
  }

  function invoke(name, params, callback) {
    function end(how) {
      callback({ err_msg: "get_brand_wcpay_request:" + how })
    }
    if (name !== "getBrandWCPayRequest" || open) return end("fail")
    open = true
    post("prepay", params, function (order) {
      if (order === null || order.view !== "pending") {
        open = false
        return end("fail")
      }
      sheet(order, function (action, close) {
        if (action === "cancel") {
          close()
          return end("cancel")
        }
        post(action === "pay" ? "pay" : "decline", params, function (answer) {
          close()
          end(action === "pay" && answer !== null && /^paid/.test(answer.view) ? "ok" : "fail")
        })
      })
    })
  }

  window.WeixinJSBridge = { invoke: invoke, on: function () {}, call: function () {} }
  var ready = document.createEvent("Event")
  ready.initEvent("WeixinJSBridgeReady", true, false)
  document.dispatchEvent(ready)
})()
