package queuednet_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"time"

	"github.com/queuednet/queuednet"
)

// Encrypted connections: the program opens the sockets, puts TLS over them and
// hands them over. The rest is as without.
func ExampleQueuedConnectionManager_AdoptRendezvous() {
	certificate, authorities := certificates()

	// The server.
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{
		FirstDatagramTimeout: 10 * time.Second, // bounds the handshake too
	})
	defer manager.Close()
	rendezvous, err := manager.AdoptRendezvous(tls.NewListener(socket, &tls.Config{
		Certificates: []tls.Certificate{certificate},
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	listener := queuednet.NewQueuedConnectionListener(manager)
	listener.AddConnection(rendezvous)
	reader := queuednet.NewQueuedConnectionReader(manager)

	// The client.
	plain, err := net.DialTimeout("tcp", socket.Addr().String(), 5*time.Second) // BLOCKS
	if err != nil {
		fmt.Println(err)
		return
	}
	client := queuednet.NewQueuedConnectionManager(nil)
	defer client.Close()
	server, err := client.AdoptConnection(tls.Client(plain, &tls.Config{
		RootCAs:    authorities, // leave it out for those of the system
		ServerName: "example.com",
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	queuednet.NewQueuedConnectionReader(client).AddConnection(server)
	var hello queuednet.Datagram
	hello.AddString("nobody else can read this")
	queuednet.NewConnectionWriter(client).Send(&hello, server)

	for received := false; !received; time.Sleep(time.Millisecond) {
		for conn := range listener.NewConnections() {
			reader.AddConnection(conn)
		}
		for datagram := range reader.Datagrams() {
			it := datagram.Iterator()
			fmt.Println(it.GetString())
			received = true
		}
	}

	// Output: nobody else can read this
}

// A client over TLS in the background. A certificate that is not trusted would be
// an error of Result.
func ExampleQueuedConnectionManager_BeginClientConnection() {
	certificate, authorities := certificates()
	server, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	go func() {
		if socket, err := server.Accept(); err == nil {
			io.Copy(io.Discard, socket) // the handshake first
			socket.Close()
		}
	}()

	client := queuednet.NewQueuedConnectionManager(nil)
	defer client.Close()
	dialer := &tls.Dialer{Config: &tls.Config{
		RootCAs:    authorities, // leave it out for those of the system
		ServerName: "example.com",
	}}
	pending := client.BeginClientConnection(func(ctx context.Context) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", server.Addr().String())
	}, 5*time.Second)

	for !pending.Ready() { // one look a frame: the game goes on
		time.Sleep(time.Second / 60)
	}
	conn, err := pending.Result()
	fmt.Println(conn != nil, err)

	// Output: true <nil>
}

// certificates returns a server's certificate, and the authorities that a
// client trusts: here those that package httptest has for example.com.
func certificates() (tls.Certificate, *x509.CertPool) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	return server.TLS.Certificates[0], authorities
}
