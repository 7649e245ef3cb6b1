//go:build !js

package websocket

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// Datagrams of all lengths arrive as they were sent, both ways, by either
// subprotocol, with either header, with and without TLS.
func TestDatagrams(t *testing.T) {
	for _, test := range []struct {
		name       string
		headerSize int
		stream     bool
		tls        bool
	}{
		{"2-byte headers", 2, false, false},
		{"4-byte headers", 4, false, false},
		{"stream", 2, true, false},
		{"TLS", 2, false, true},
		{"TLS, stream, 4-byte headers", 4, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := &queuednet.Config{TCPHeaderSize: test.headerSize}
			server, client := newSite(t, &ServerOptions{Config: config}, test.tls), newEnd(t, config)
			near, far := server.dial(t, client, &DialOptions{Config: config, Stream: test.stream, Transport: server.transport()})

			random := rand.New(rand.NewPCG(1, 2))
			lengths := []int{0, 1, 2, 3, 125, 126, 4095, 16<<10 - 3, 16<<10 - 2, 16<<10 - 1, 30_000, 50_001, 60_000, 1<<16 - 1, 0, 0}
			if test.headerSize == 4 {
				lengths = append(lengths, 1<<16, 1<<20)
			}
			for range 500 {
				lengths = append(lengths, random.IntN(300))
			}
			var sent [][]byte
			for _, length := range lengths {
				payload := make([]byte, length)
				for i := range payload {
					payload[i] = byte(random.Uint32())
				}
				sent = append(sent, payload)
				client.send(t, near, payload)
				server.send(t, far, payload)
			}
			for i := range sent {
				require.Truef(t, bytes.Equal(sent[i], server.receive(t)), "datagram %d to the server", i)
				require.Truef(t, bytes.Equal(sent[i], client.receive(t)), "datagram %d to the client", i)
			}
			require.NoError(t, client.Close())
			require.Equal(t, far, server.ended(t))
			require.Equal(t, io.EOF, far.Err())
		})
	}
}
