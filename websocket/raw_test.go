//go:build !js

package websocket

import (
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// Raw mode and headers of another size than the manager's are errors with
// datagrams, and as good as on TCP with a stream.
func TestRawMode(t *testing.T) {
	server, client := newSite(t, nil, false), newEnd(t, nil)
	near, _ := server.dial(t, client, nil)
	client.writer.SetRawMode(true)
	require.Equal(t, queuednet.ErrHeaderSize, client.writer.Send(queuednet.NewDatagram([]byte("raw")), near))

	socket, err := Dial(t.Context(), server.url, &DialOptions{Stream: true})
	require.NoError(t, err)
	near, err = client.AdoptConnection(socket)
	require.NoError(t, err)
	server.reader.SetRawMode(true)
	server.accept(t)
	client.send(t, near, []byte("raw"))
	require.Equal(t, "raw", string(server.receive(t)))
}
