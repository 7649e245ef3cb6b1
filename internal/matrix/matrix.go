// Package matrix runs every promise of the library (see the documentation of
// package queuednet) on every kind of socket: Run has the rows, a testend.Kind
// is a column. A module of this repository that brings a socket of its own runs
// it on that.
package matrix

import (
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testend"
)

// A row is one scenario of a promise.
type row struct {
	promise int
	name    string
	needs   []testend.Ability
	alone   bool // no other scenario may run beside it
	test    func(c *cell)
}

func rows() []row {
	rows := slices.Concat(callRows(), streamRows(), closeRows(), peerRows(), panicRows())
	slices.SortStableFunc(rows, func(a, b row) int { return a.promise - b.promise })
	return rows
}

// Run runs all rows on a kind of socket, each as a subtest. Those that the kind
// cannot keep, by its own account, are skipped with the reason.
func Run(t *testing.T, kind testend.Kind) {
	for _, row := range rows() {
		t.Run(row.title(), func(t *testing.T) {
			if why := row.missing(kind); why != "" {
				t.Skip(why)
			}
			if !row.alone {
				t.Parallel()
			}
			row.test(&cell{T: t, kind: kind, goroutines: testend.TrackGoroutines(t)})
		})
	}
}

// A cell is a scenario on a kind of socket.
type cell struct {
	*testing.T
	kind       testend.Kind
	goroutines testend.Goroutines
}

func (c *cell) serve(config *queuednet.Config) *testend.Server {
	c.Helper()
	kind := c.kind
	if kind.For != nil {
		kind = kind.For(config)
	}
	return testend.Serve(c, kind, config)
}

// isGoodEnd reports whether err, which ended the peer's reading, is a good end.
func (c *cell) isGoodEnd(err error) bool {
	if c.kind.Good != nil {
		return c.kind.Good(err)
	}
	return err == io.EOF
}

// requireErr stops the test unless err is target.
func (c *cell) requireErr(err, target error) {
	c.Helper()
	if !errors.Is(err, target) {
		c.Fatalf("got the error %v, want %v", err, target)
	}
}

// requireEnd waits for the end of conn and for what was received before it.
func (c *cell) requireEnd(s *testend.Server, conn *queuednet.Connection, cause error, datagrams int) {
	c.Helper()
	if got := s.Reset(conn); got != datagrams {
		c.Errorf("%d datagrams before the end, want %d", got, datagrams)
	}
	c.requireErr(conn.Err(), cause)
}

// requirePing stops the test unless a datagram gets through in both directions.
func (c *cell) requirePing(s *testend.Server, conn *queuednet.Connection, far net.Conn) {
	c.Helper()
	written := c.write(far, testend.Frames("ping"))
	if got := s.Next(); got != "ping" {
		c.Fatalf("received %q", got)
	}
	c.requireWritten(written)
	s.Send(conn, "pong")
	c.requireRead(far, testend.Frames("pong"))
}

// write writes in the background, as a pipe waits for its reader.
func (c *cell) write(far net.Conn, text string) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := far.Write([]byte(text))
		done <- err
	}()
	return done
}

func (c *cell) requireWritten(done <-chan error) {
	c.Helper()
	if err := <-done; err != nil {
		c.Fatal("the peer's write: ", err)
	}
}

func (c *cell) requireRead(far net.Conn, want string) {
	c.Helper()
	got := make([]byte, len(want))
	if n, err := readFull(far, got); err != nil || string(got) != want {
		c.Fatalf("the peer read %d bytes %.100q, %v; want %.100q", n, got[:n], err, want)
	}
}

// readFull is io.ReadFull, but with the socket's own error.
func readFull(far net.Conn, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = far.Read(b[n:])
		n += m
	}
	if n == len(b) {
		err = nil
	}
	return n, err
}

// readToEnd reads up to an error, which it returns, and counts.
func readToEnd(far net.Conn) (n int64, err error) {
	b := make([]byte, 64<<10)
	for err == nil {
		var m int
		m, err = far.Read(b)
		n += int64(m)
	}
	return n, err
}
