//go:build !js

package websocket_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/websocket"
)

// A server for browsers and a client in Go. The client of a page in plain
// JavaScript is in the directory example.
func Example() {
	config := &queuednet.Config{FirstDatagramTimeout: 10 * time.Second}
	manager := queuednet.NewQueuedConnectionManager(config)
	defer manager.Close()
	server, err := websocket.NewServer(&websocket.ServerOptions{Config: config})
	if err != nil {
		fmt.Println(err)
		return
	}
	rendezvous, err := manager.AdoptRendezvous(server)
	if err != nil {
		fmt.Println(err)
		return
	}
	listener := queuednet.NewQueuedConnectionListener(manager)
	listener.AddConnection(rendezvous)
	reader := queuednet.NewQueuedConnectionReader(manager)
	mux := http.NewServeMux()
	mux.Handle("/play", server)
	web := httptest.NewServer(mux) // a program calls http.ListenAndServeTLS
	defer web.Close()

	client := queuednet.NewQueuedConnectionManager(nil)
	defer client.Close()
	pending := client.BeginClientConnection(func(ctx context.Context) (net.Conn, error) {
		return websocket.Dial(ctx, "ws"+web.URL[len("http"):]+"/play", nil)
	}, 5*time.Second)
	writer := queuednet.NewConnectionWriter(client)

	for frame := time.Tick(time.Second / 60); ; <-frame {
		if pending != nil && pending.Ready() {
			conn, err := pending.Result()
			if err != nil {
				fmt.Println(err)
				return
			}
			pending = nil
			var hello queuednet.Datagram
			hello.AddString("hello")
			writer.Send(&hello, conn)
			client.CloseConnection(conn)
		}
		for conn := range listener.NewConnections() {
			reader.AddConnection(conn)
		}
		for datagram := range reader.Datagrams() {
			it := datagram.Iterator()
			fmt.Println(it.GetString())
		}
		for conn := range manager.ResetConnections() {
			fmt.Println("left:", conn.Err())
			return
		}
	}

	// Output:
	// hello
	// left: EOF
}
