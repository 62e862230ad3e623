// `go run . demo` places an order, receives its verified webhook and queries it; `go run . verify` checks stdin.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"example.com/payhub-merchant/payhub"
)

const (
	bodyBytesMax = 64 << 10
	wait         = 60 * time.Second
)

type order struct {
	amountFen int64
	orderNo   string
	paid      bool
}

// shop stands in for your orders table. 演示用,代替你的订单表。
type shop struct {
	secret string
	mutex  sync.Mutex // in a database: one transaction 用数据库时放进同一个事务
	orders map[string]*order
	paid   chan struct{}
}

// ServeHTTP is the notify_url: anything but 200 `success` makes PayHub push again. 只有 200 + success 才算成功。
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyBytesMax))
	if err != nil {
		http.Error(w, "unreadable body", http.StatusBadRequest)
		return
	}
	status, text := s.receive(body)
	w.WriteHeader(status)
	io.WriteString(w, text)
}

func (s *shop) receive(body []byte) (int, string) {
	fields, err := payhub.Verify(body, s.secret)
	if err != nil {
		return http.StatusUnauthorized, "bad signature"
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, known := s.orders[fields["merchant_order_no"]]
	if !known || (found.orderNo != "" && found.orderNo != fields["order_no"]) {
		return http.StatusNotFound, "unknown order"
	}
	if fields["status"] != "1" || fields["amount"] != payhub.Yuan(found.amountFen) {
		return http.StatusBadRequest, "status or amount does not match"
	}
	// The same webhook may come again: deliver the goods once per order_no. 幂等:同一订单只发货一次。
	// SQL: UPDATE orders SET state='PAID' WHERE order_no=? AND state='NEW', then ship when one row changed.
	if !found.paid {
		found.paid, found.orderNo = true, fields["order_no"]
		close(s.paid)
	}
	return http.StatusOK, "success"
}

func demo() error {
	client := payhub.Client{
		URL:       env("PAYHUB_URL", "http://127.0.0.1:8080"),
		AppID:     needed("PAYHUB_APP_ID"),
		AppSecret: needed("PAYHUB_APP_SECRET"),
	}
	store := &shop{secret: client.AppSecret, orders: map[string]*order{}, paid: make(chan struct{})}
	listener, err := net.Listen("tcp", "127.0.0.1:"+env("RECEIVER_PORT", "0"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: store, ReadTimeout: 15 * time.Second}
	go server.Serve(listener)
	defer stop(server)
	notifyURL := fmt.Sprintf("http://%s/payhub/notify", listener.Addr())

	// Store the order before you place it: the webhook may arrive before the answer. 先落库再下单,回调可能先到。
	merchantOrderNo := fmt.Sprintf("GO%d", time.Now().UnixNano())
	placed := &order{amountFen: 1000} // fen 单位:分
	store.mutex.Lock()
	store.orders[merchantOrderNo] = placed
	store.mutex.Unlock()
	made, err := client.QrcodePay(payhub.Params{
		"merchant_order_no": merchantOrderNo,
		"amount":            strconv.FormatInt(placed.amountFen, 10),
		"notify_url":        notifyURL,
		"note":              "Go 示例",
		"extra":             "a/b&c=d <中文>",
	})
	if err != nil {
		return err
	}
	if made.Code != 200 {
		return fmt.Errorf("%d %s", made.Code, made.Message)
	}
	orderNo := made.Text("order_no")
	store.mutex.Lock()
	placed.orderNo = orderNo
	store.mutex.Unlock()
	fmt.Printf("NOTIFY_URL %s\nPAY %s\nORDER_NO %s\n", notifyURL, made.Text("sourceQrCodeUrl"), orderNo)

	select {
	case <-store.paid:
	case <-time.After(wait):
		return fmt.Errorf("no webhook in %s", wait)
	}
	queried, err := client.OrderQuery(payhub.Params{"order_no": orderNo})
	if err != nil {
		return err
	}
	if queried.Text("status_name") != "PAID" {
		return fmt.Errorf("the query says %d %s %s", queried.Code, queried.Message, queried.Text("status_name"))
	}
	fmt.Println("PAID", queried.Text("amount"))
	return nil
}

// stop waits until the webhook's answer has left. 先应答再退出。
func stop(server *http.Server) {
	limited, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	server.Shutdown(limited)
}

func verify() error {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	_, err = payhub.Verify(body, needed("PAYHUB_APP_SECRET"))
	return err
}

func env(name, standard string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return standard
}

func needed(name string) string {
	value := os.Getenv(name)
	if value == "" {
		fmt.Fprintln(os.Stderr, name, "is not set")
		os.Exit(2)
	}
	return value
}

func main() {
	commands := map[string]func() error{"demo": demo, "verify": verify}
	if len(os.Args) != 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go run . demo|verify")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
