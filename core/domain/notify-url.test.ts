import { describe, expect, test } from "bun:test"
import { checkNotifyUrl, mayPushTo } from "./notify-url.ts"

describe("a notify_url", () => {
  test.each([
    "https://shop.example.com/notify",
    "http://shop.example.com",
    "HTTPS://SHOP.EXAMPLE.COM/a?b=c@d#e",
    "http://shop.example.com:8080/notify?order=1&x=http://10.0.0.1/",
    "https://商店.example/回调",
    "http://localhost:3000/notify",
    "http://10.example.com/",
    "http://8.8.8.8/notify",
    "http://[2606:4700:4700::1111]/notify",
    "http://[::ffff:8.8.8.8]/",
    "http://[64:ff9b::808:808]/",
    "http://[2002:808:808::1]/",
    "http://[2001:0:808:808::f7f7:f7f7]/" // Teredo, server and client 8.8.8.8
  ])("%s is accepted", (url) => {
    expect(checkNotifyUrl(url, [])).toBe("ok")
  })

  test.each([
    "",
    "notify",
    "/notify",
    "//shop.example.com/notify",
    "ftp://shop.example.com/",
    "javascript:alert(1)",
    "http:shop.example.com",
    "http:/shop.example.com",
    "http://",
    "http:///notify",
    "http://user@shop.example.com/",
    "http://user:password@shop.example.com/",
    "http://:@shop.example.com/",
    "http://@shop.example.com/",
    " https://shop.example.com/",
    "https://shop.example.com/\n",
    "https://shop.example.com/a b",
    "https://shop.example.com\\@10.0.0.1/",
    "https://shop.example.com/\u0000",
    "https://shop.example.com/\ud800",
    "http://shop.example.com:99999/",
    "http://[::1/",
    "http://[fe80::1%25eth0]/"
  ])("%j is malformed", (url) => {
    expect(checkNotifyUrl(url, [])).toBe("malformed")
  })

  test.each([
    // Every spelling of 127.0.0.1 that a URL allows.
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.1./",
    "http://127.0.0.1:8080/",
    "http://１２７.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    "http://127.255.255.254/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[4000::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::ffff:0:10.0.0.1]/",
    "http://[::10.0.0.1]/",
    "http://[64:ff9b::192.168.0.1]/",
    "http://[64:ff9b:1::8.8.8.8]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:a00:1::f7f7:f7f7]/", // Teredo, server 10.0.0.1, client 8.8.8.8
    "http://[2001:0:808:808::f5ff:fffe]/", // Teredo, server 8.8.8.8, client 10.0.0.1
    "http://[2606:4700::5efe:10.0.0.1]/",
    "http://[2606:4700:0:0:200:5efe:10.0.0.1]/"
  ])("%s is not public", (url) => {
    expect(checkNotifyUrl(url, [])).toBe("private")
  })

  test("the neighbours of private ranges are public", () => {
    for (const host of ["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0"]) {
      expect([host, checkNotifyUrl(`http://${host}/`, [])]).toEqual([host, "ok"])
    }
  })

  test("has at most 512 characters, counted as code points", () => {
    const url = (length: number, fill: string) => `https://shop.example.com/${fill.repeat(length - 25)}`
    expect(checkNotifyUrl(url(512, "a"), [])).toBe("ok")
    expect(checkNotifyUrl(url(513, "a"), [])).toBe("too-long")
    expect(checkNotifyUrl(url(512, "😀"), [])).toBe("ok")
    expect(checkNotifyUrl(url(513, "😀"), [])).toBe("too-long")
  })

  test("may be at a private address that the operator allows, and at no other", () => {
    const allow = ["10.1.0.0/16", "127.0.0.1", "fd00::/8", "::1"]
    for (const host of ["10.1.2.3", "127.0.0.1", "2130706433", "[fd12::1]", "[::1]", "[::ffff:10.1.2.3]"]) {
      expect([host, checkNotifyUrl(`http://${host}/`, allow)]).toEqual([host, "ok"])
    }
    for (const host of ["10.2.0.1", "127.0.0.2", "[fe80::1]", "[::ffff:10.2.0.1]"]) {
      expect([host, checkNotifyUrl(`http://${host}/`, allow)]).toEqual([host, "private"])
    }
    expect(checkNotifyUrl("http://user@10.1.2.3/", allow)).toBe("malformed")
    expect(checkNotifyUrl("http://10.2.0.1/", ["0.0.0.0/0"])).toBe("ok")
  })
})

test("a resolved address is judged by the same rule, and a text that is not an address is refused", () => {
  expect(mayPushTo("8.8.8.8", [])).toBe(true)
  expect(mayPushTo("2606:4700:4700::1111", [])).toBe(true)
  expect(mayPushTo("127.0.0.1", [])).toBe(false)
  expect(mayPushTo("::ffff:127.0.0.1", [])).toBe(false)
  expect(mayPushTo("fe80::1%eth0", [])).toBe(false)
  expect(mayPushTo("fe80::1%eth0", ["fe80::/10"])).toBe(true)
  expect(mayPushTo("shop.example.com", ["0.0.0.0/0", "::/0"])).toBe(false)
})
