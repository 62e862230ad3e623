// Package payhub is a PayHub client and webhook verifier on the standard library alone. Copy this file into your
// project.
//
// PayHub 客户端与回调验签。只用标准库,复制本文件即可使用。
package payhub

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	timeout        = 30 * time.Second // longer than the gateway takes to ask a channel 渠道下单可能较慢
	answerBytesMax = 1 << 20
)

// Params are sent as JSON strings, integers too ("1000"): PayHub accepts both. 全部以字符串发送,整数也一样。
type Params map[string]string

// Answer is the body of every endpoint's answer, whatever its code.
type Answer struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data"`
}

// Text returns a string member of Data, or "" if there is none.
func (a Answer) Text(name string) string {
	text, _ := a.Data[name].(string)
	return text
}

// Client calls PayHub for one merchant.
type Client struct {
	URL       string
	AppID     string
	AppSecret string
}

// QrcodePay places an order; amount is fen.
//
// Code 500 or an error: nobody knows yet. Query by merchant_order_no before you use a new number, or the customer may
// pay twice. 返回 500 或超时:先用 merchant_order_no 查单,不要直接换单号重下。
func (c Client) QrcodePay(params Params) (Answer, error) {
	return c.post("/api/cashier/qrcode-pay", params)
}

// OrderQuery queries by order_no or merchant_order_no. 查单。
func (c Client) OrderQuery(params Params) (Answer, error) {
	return c.post("/api/cashier/order-query", params)
}

// Sign is HMAC-SHA256 over `key=value&...`: no sign, no "", sorted by key in byte order, values raw (no url.Values).
//
// 签名:去掉 sign 和空字符串,按 key 升序,原值拼接,不要用 url.Values 编码。
func Sign(params Params, appSecret string) string {
	keys := make([]string, 0, len(params))
	for key, value := range params {
		if key != "sign" && value != "" {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	pairs := make([]string, len(keys))
	for i, key := range keys {
		pairs[i] = key + "=" + params[key]
	}
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write([]byte(strings.Join(pairs, "&")))
	return hex.EncodeToString(mac.Sum(nil))
}

// ErrSignature means that a webhook was not signed by PayHub.
var ErrSignature = errors.New("payhub: the webhook's signature does not verify")

// Verify checks the signature of a webhook's body, exactly as received, and returns its fields, all of them as text.
//
// 验签:传入收到的原始 body,通过则返回字段。
func Verify(body []byte, appSecret string) (Params, error) {
	fields, err := flat(body)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal([]byte(Sign(fields, appSecret)), []byte(fields["sign"])) { // constant time 常量时间比较
		return nil, ErrSignature
	}
	return fields, nil
}

// Yuan is fen as the yuan text of webhooks and queries, without floats: 1000 is "10.00". 分转元,不用浮点数。
func Yuan(amountFen int64) string {
	return fmt.Sprintf("%d.%02d", amountFen/100, amountFen%100)
}

func (c Client) post(path string, params Params) (Answer, error) {
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return Answer{}, err
	}
	all := Params{
		"app_id":    c.AppID,
		"timestamp": strconv.FormatInt(time.Now().Unix(), 10),
		"nonce":     hex.EncodeToString(nonce),
	}
	for key, value := range params {
		all[key] = value
	}
	all["sign"] = Sign(all, c.AppSecret)
	body, err := json.Marshal(all)
	if err != nil {
		return Answer{}, err
	}
	client := http.Client{Timeout: timeout}
	response, err := client.Post(strings.TrimSuffix(c.URL, "/")+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	var answer Answer
	if err := json.NewDecoder(io.LimitReader(response.Body, answerBytesMax)).Decode(&answer); err != nil {
		return Answer{}, fmt.Errorf("payhub: HTTP %d from %s: %w", response.StatusCode, c.URL, err)
	}
	return answer, nil
}

// flat reads one flat JSON object and keeps each number's own text, because that text was signed. 数字保留原文。
func flat(body []byte) (Params, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("payhub: not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("payhub: more than one JSON value")
	}
	fields := Params{}
	for key, value := range values {
		switch value := value.(type) {
		case nil:
		case string:
			fields[key] = value
		case bool, json.Number:
			fields[key] = fmt.Sprint(value)
		default:
			return nil, errors.New("payhub: not a flat JSON object")
		}
	}
	return fields, nil
}
