package queuednet

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clientHello returns the first bytes of a TLS client.
func clientHello(t *testing.T) string {
	near, far := net.Pipe()
	defer far.Close()
	go tls.Client(near, &tls.Config{ServerName: "localhost"}).Handshake()
	b := make([]byte, 4096)
	n, err := far.Read(b)
	require.NoError(t, err)
	return string(b[:n])
}

// The reason of an end says what a peer is that speaks something else, in
// addition to what it was without that.
func TestReasonNamesTheMismatch(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for name, c := range map[string]struct {
		headerSize int
		sent, want string
	}{
		"HTTP, 4":             {4, request, "an HTTP request"},
		"HTTP, 2":             {2, request, "an HTTP request"},
		"HTTP response":       {4, "HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP response"},
		"TLS, 4":              {4, clientHello(t), "a TLS client hello"},
		"TLS, 2":              {2, clientHello(t), "a TLS client hello"},
		"SSH":                 {4, "SSH-2.0-OpenSSH_9.2\r\n", "an SSH greeting"},
		"PROXY":               {4, "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", "a header of the PROXY protocol"},
		"header 2 at 4":       {4, "\x05\x00hello\x03\x00abc", "datagrams with a header of 2 bytes, not 4"},
		"header 2 at 4, wait": {4, "\x05\x00\x01\x00abc", "datagrams with a header of 2 bytes, not 4"},
		"header 4 at 2":       {2, "\x05\x00\x00\x00hello", "datagrams with a header of 4 bytes, not 2"},
		"big-endian, 2":       {2, "\x00\x05hello\x00\x03abc", "datagrams with a big-endian header of 2 bytes"},
		"big-endian, 4":       {4, "\x00\x00\x00\x05hello", "datagrams with a big-endian header of 4 bytes"},
		"big-endian 2 at 4":   {4, "\x00\x05hello", "datagrams with a big-endian header of 2 bytes"},
		"big-endian 4 at 2":   {2, "\x00\x00\x00\x05hello", "datagrams with a big-endian header of 4 bytes"},
		"cut short, 2":        {2, "\x05\x00hel", ""},
		"cut short, 4":        {4, "\x05\x00\x00\x00hel", ""},
		"too long":            {4, "\xff\xff\xff\x7fabc", ""},
		"good before":         {4, "\x01\x00\x00\x00a" + request, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, &Config{TCPHeaderSize: c.headerSize})
			conn, far := e.raw()
			write(t, far, c.sent)
			require.NoError(t, far.CloseWrite())
			for e.manager.WaitForReaders(t.Context()) == nil && !e.manager.ResetConnectionAvailable() {
				for range e.reader.Datagrams() {
				}
			}
			err := conn.Err()
			var tooLong *DatagramTooLongError
			require.True(t, errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &tooLong), "%v", err)
			if c.want == "" {
				require.NotContains(t, err.Error(), "probably")
			} else {
				require.ErrorContains(t, err, "probably "+c.want)
			}
		})
	}
}

// A peer that says something else, and then nothing, is named too.
func TestSilenceNamesTheMismatch(t *testing.T) {
	for limit, config := range map[error]*Config{
		ErrFirstDatagram: {FirstDatagramTimeout: 50 * time.Millisecond},
		ErrIdle:          {IdleTimeout: 50 * time.Millisecond},
	} {
		e := newEnd(t, config)
		conn, far := e.raw()
		write(t, far, "GET / HTTP/1.1\r\n\r\n")
		require.Same(t, conn, e.reset())
		require.ErrorIs(t, conn.Err(), limit)
		require.ErrorContains(t, conn.Err(), "probably an HTTP request")
	}
}
