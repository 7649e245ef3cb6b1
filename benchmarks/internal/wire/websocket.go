package wire

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
)

// A Framing is how a client frames datagrams.
type Framing string

const (
	Length    Framing = ""          // a length of two bytes
	WebSocket Framing = "websocket" // binary messages
)

// AppendHeader appends what comes before a payload of n bytes from a client. A
// WebSocket client must mask what it sends; with a key of zeros the payload
// stays as it is, and the server has the same work.
func (f Framing) AppendHeader(b []byte, n int) []byte {
	const binaryMessage, masked, wide = 0x82, 0x80, 126
	switch {
	case f == Length:
		return binary.LittleEndian.AppendUint16(b, uint16(n))
	case n < wide:
		b = append(b, binaryMessage, masked|byte(n))
	default:
		b = append(b, binaryMessage, masked|wide, byte(n>>8), byte(n))
	}
	return append(b, 0, 0, 0, 0)
}

// Next splits what a client has received after the first payload; whole is
// false where that is not complete yet.
func (f Framing) Next(b []byte) (payload, rest []byte, whole bool) {
	if len(b) < HeaderSize {
		return nil, b, false
	}
	header, n := HeaderSize, 0
	switch {
	case f == Length:
		n = int(binary.LittleEndian.Uint16(b))
	case b[1] < 126:
		n = int(b[1])
	case b[1] == 126 && len(b) >= 4:
		header, n = 4, int(binary.BigEndian.Uint16(b[2:]))
	default:
		return nil, b, false
	}
	if len(b) < header+n {
		return nil, b, false
	}
	return b[header : header+n], b[header+n:], true
}

// Shake does what comes before the first datagram.
func (f Framing) Shake(conn io.ReadWriter, host string) error {
	if f == Length {
		return nil
	}
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+host+"\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err != nil {
		return err
	}
	// The server sends nothing by itself before the load has begun.
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil && response.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("the server answered the WebSocket handshake with %s", response.Status)
	}
	return err
}
