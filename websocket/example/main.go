//go:build !js

// Command example is a small server for browsers: each page shows the pointers
// of all others. Its page, index.html, is a client in plain JavaScript.
//
//	go run ./example
//
// and open http://localhost:8080 in two windows.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/websocket"
)

//go:embed index.html
var page []byte

// The datagrams. A page sends its pointer: int16 x, int16 y. The server sends the
// world: for each player uint32 number, int16 x, int16 y.

type player struct {
	number uint32
	x, y   int16
}

func main() {
	address := flag.String("address", "localhost:8080", "where to listen")
	flag.Parse()
	log.SetFlags(0)

	config := &queuednet.Config{
		MaxConnections:        1000,
		FirstDatagramTimeout:  time.Minute,
		MaxDatagramSize:       4,
		MaxDatagramsPerSecond: 120,
	}
	manager := queuednet.NewQueuedConnectionManager(config)
	defer manager.Close()
	server, err := websocket.NewServer(&websocket.ServerOptions{Config: config})
	if err != nil {
		log.Fatal(err)
	}
	rendezvous, err := manager.AdoptRendezvous(server)
	if err != nil {
		log.Fatal(err)
	}
	listener := queuednet.NewQueuedConnectionListener(manager)
	if err := listener.AddConnection(rendezvous); err != nil {
		log.Fatal(err)
	}
	socket, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", socket.Addr())
	go serve(socket, server)
	loop(manager, listener)
}

// serve serves the page and the WebSockets. It does not return.
func serve(socket net.Listener, server http.Handler) {
	mux := http.NewServeMux()
	mux.Handle("/play", server)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	h := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(h.Serve(socket))
}

// loop is the game's.
func loop(manager *queuednet.QueuedConnectionManager, listener *queuednet.QueuedConnectionListener) {
	reader := queuednet.NewQueuedConnectionReader(manager)
	writer := queuednet.NewConnectionWriter(manager)
	players := make(map[*queuednet.Connection]*player)
	var last uint32
	for range time.Tick(time.Second / 30) {
		for conn := range listener.NewConnections() {
			last++
			players[conn] = &player{number: last}
			reader.AddConnection(conn)
			log.Print(conn.Address(), " has come")
		}
		for datagram := range reader.Datagrams() {
			it := datagram.Iterator()
			x, y := it.GetInt16(), it.GetInt16()
			if p := players[datagram.Connection()]; p != nil && it.Err() == nil {
				p.x, p.y = x, y
			}
		}
		for conn := range manager.ResetConnections() {
			log.Print(conn.Address(), " has left: ", conn.Err())
			delete(players, conn)
		}
		var world queuednet.Datagram
		for _, p := range players {
			world.AddUint32(p.number)
			world.AddInt16(p.x)
			world.AddInt16(p.y)
		}
		writer.Broadcast(&world, maps.Keys(players))
	}
}
