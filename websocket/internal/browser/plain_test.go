//go:build !js

package browser

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/websocket"
	"github.com/stretchr/testify/require"
)

// hello connects a page in plain JavaScript and takes its first datagram.
func hello(t *testing.T, s *site, browser context.Context) (tab context.Context, closeTab func(), conn *queuednet.Connection) {
	t.Helper()
	tab, closeTab = newTab(t, browser, s.url+"/page.html")
	run(t, tab, fmt.Sprintf("connect(%q)", s.play))
	conn = s.accept(t, true)
	for {
		s.wait(t)
		for d := range s.reader.Datagrams() {
			it := d.Iterator()
			require.EqualValues(t, 7, it.GetUint8())
			require.Equal(t, "hello", it.GetString())
			require.NoError(t, it.Err())
			return tab, closeTab, conn
		}
	}
}

func requireStatus(t *testing.T, err error, code int, reason string) {
	t.Helper()
	var closed *websocket.CloseError
	require.Truef(t, errors.As(err, &closed), "%T %v", err, err)
	require.Equal(t, code, closed.Code)
	require.Equal(t, reason, closed.Reason)
}

var plainConfig = &queuednet.Config{MaxDatagramSize: 1000, CloseTimeout: closing}

// A page in plain JavaScript sends and receives datagrams, and each end has its
// reason on both sides, once.
func TestPlainPage(t *testing.T) {
	browser := newBrowser(t)
	t.Run("datagrams", func(t *testing.T) {
		s := newSite(t, plainConfig)
		tab, _, conn := hello(t, s, browser)
		s.send(t, conn, 9, "grüße")
		require.Equal(t, "9 grüße", await(t, tab, "last"))
	})
	t.Run("the page closes", func(t *testing.T) {
		s := newSite(t, plainConfig)
		tab, _, _ := hello(t, s, browser)
		run(t, tab, `socket.send(new Uint8Array(3)); socket.close(4001, "bored")`)
		conn, datagrams := s.ended(t)
		requireStatus(t, conn.Err(), 4001, "bored")
		require.Equal(t, 1, datagrams)
		require.Equal(t, "4001 bored", await(t, tab, "outcome"))
		_, _, _ = hello(t, s, browser)
		require.False(t, s.ResetConnectionAvailable(), "an end is reported twice")
	})
	t.Run("a tab is closed", func(t *testing.T) {
		s := newSite(t, plainConfig)
		_, closeTab, _ := hello(t, s, browser)
		closeTab()
		conn, _ := s.ended(t)
		requireStatus(t, conn.Err(), 1001, "")
	})
}

// What the server does to a page has its reason too.
func TestPlainPageOfAServerThatCloses(t *testing.T) {
	browser := newBrowser(t)
	t.Run("a kick", func(t *testing.T) {
		s := newSite(t, plainConfig)
		tab, _, conn := hello(t, s, browser)
		s.send(t, conn, 1, "you are out")
		require.True(t, s.CloseConnection(conn))
		require.Equal(t, "1000 ", await(t, tab, "outcome"))
		require.Equal(t, "1 you are out", await(t, tab, "last"))
	})
	t.Run("the server goes down", func(t *testing.T) {
		s := newSite(t, plainConfig)
		tab, _, conn := hello(t, s, browser)
		s.send(t, conn, 1, "good night")
		began := time.Now()
		require.NoError(t, s.Close())
		require.Less(t, time.Since(began), closing)
		require.Equal(t, "1001 server closed", await(t, tab, "outcome"))
		require.Equal(t, "1 good night", await(t, tab, "last"))
	})
	t.Run("too long", func(t *testing.T) {
		s := newSite(t, plainConfig)
		tab, _, _ := hello(t, s, browser)
		run(t, tab, `socket.send(new Uint8Array(100_000))`)
		conn, _ := s.ended(t)
		var tooLong *queuednet.DatagramTooLongError
		require.ErrorAs(t, conn.Err(), &tooLong)
		require.Equal(t, "1009 datagram longer than 1000 bytes", await(t, tab, "outcome"))
	})
	t.Run("text", func(t *testing.T) {
		s := newSite(t, plainConfig)
		tab, _, _ := hello(t, s, browser)
		run(t, tab, `socket.send("text")`)
		conn, _ := s.ended(t)
		require.ErrorIs(t, conn.Err(), websocket.ErrText)
		require.Equal(t, "1003 the peer sent a text message, not a binary one", await(t, tab, "outcome"))
	})
	t.Run("idle", func(t *testing.T) {
		s := newSite(t, &queuednet.Config{IdleTimeout: 3 * time.Second})
		tab, _, _ := hello(t, s, browser)
		conn, _ := s.ended(t)
		require.ErrorIs(t, conn.Err(), queuednet.ErrIdle)
		require.Equal(t, "1008 nothing has come", await(t, tab, "outcome"))
	})
}

// A page that takes nothing, because its script never returns, ends with the
// limit of the send queue, and holds nobody up.
func TestPageTakesNothing(t *testing.T) {
	browser := newBrowser(t)
	s := newSite(t, &queuednet.Config{MaxSendQueue: 1 << 20, CloseTimeout: 2 * time.Second})
	tab, _, conn := hello(t, s, browser)
	stuck, unstick := context.WithCancel(tab)
	defer unstick()
	go chromedp.Run(stuck, chromedp.Evaluate("for (;;) ;", nil))
	var d queuednet.Datagram
	d.AppendData(make([]byte, 10_000))
	deadline := time.Now().Add(patience)
	for s.writer.Send(&d, conn) == nil {
		require.True(t, time.Now().Before(deadline))
		time.Sleep(time.Millisecond)
	}
	ended, _ := s.ended(t)
	require.Equal(t, conn, ended)
	require.ErrorIs(t, conn.Err(), queuednet.ErrSendQueueFull)
	began := time.Now()
	s.Close()
	require.Less(t, time.Since(began), closing)
}
