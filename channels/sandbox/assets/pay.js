// The payer's page: takes one click only, counts down the time that is left, and follows the trade's state.
// ES5, because the page also opens in old WebViews. The page works without this file.
// biome-ignore-all lint: the rules for modern JavaScript do not hold for ES5
;(function () {
  var main = document.querySelector("main[data-view]")
  if (main === null) return
  var view = main.getAttribute("data-view")

  var form = document.querySelector("form")
  if (form !== null) {
    var buttons = form.querySelectorAll("button")
    for (var i = 0; i < buttons.length; i++) {
      buttons[i].addEventListener("click", function () {
        if (form.className !== "busy") this.className += " chosen"
      })
    }
    form.addEventListener("submit", function (event) {
      if (form.className === "busy") return event.preventDefault()
      form.className = "busy"
    })
    // A page restored from the browser's page cache must take a click again.
    window.addEventListener("pageshow", function () {
      form.className = ""
    })
  }

  var hint = document.querySelector("[data-countdown]")
  var loadedAt = new Date().getTime()
  var leftAtLoad = Number(main.getAttribute("data-expires")) - Number(main.getAttribute("data-now"))
  function countDown() {
    var left = Math.max(0, Math.ceil((leftAtLoad - (new Date().getTime() - loadedAt)) / 1000))
    var hours = Math.floor(left / 3600)
    var parts = [Math.floor(left / 60) % 60, left % 60]
    if (hours > 0) parts.unshift(hours)
    for (var i = 0; i < parts.length; i++) parts[i] = parts[i] < 10 ? "0" + parts[i] : String(parts[i])
    hint.textContent = hint.getAttribute("data-countdown") + " " + parts.join(":")
  }
  if (hint !== null) {
    countDown()
    setInterval(countDown, 1000)
  }

  // A page that is left open asks for half an hour at most, and goes on when it is shown again.
  var asksLeft = 900
  function ask() {
    if (asksLeft-- <= 0 || document.hidden) return
    var request = new XMLHttpRequest()
    request.open("GET", "/sandbox/pay/" + encodeURIComponent(main.getAttribute("data-ticket")) + "/state")
    request.onload = function () {
      if (request.status !== 200) return
      var now = JSON.parse(request.responseText).view
      if (now !== view && !(form !== null && form.className === "busy")) {
        location.replace(location.pathname + location.search.replace(/([?&])done=stalled&?/, "$1"))
      }
    }
    request.send()
  }
  if (view === "pending" || view === "paid-unconfirmed") {
    setInterval(ask, 2000)
    document.addEventListener("visibilitychange", function () {
      if (document.hidden) return
      asksLeft = Math.max(asksLeft, 900)
      ask()
    })
  }
})()
