//go:build js

// Command client is what the tests run in a browser: a client of the library.
// The page calls start(url, what) and finds the outcome in window.outcome.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall/js"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/websocket"
)

func main() {
	js.Global().Set("start", js.FuncOf(func(_ js.Value, arguments []js.Value) any {
		url, what := arguments[0].String(), arguments[1].String()
		go func() {
			js.Global().Set("outcome", start(url, what))
		}()
		return nil
	}))
	js.Global().Set("ready", true)
	select {}
}

// start does what it is told and says how it ended.
func start(url, what string) string {
	config := &queuednet.Config{MaxSendQueue: 1 << 20, MaxReceiveQueue: 64 << 10, MaxDatagramSize: 50_000}
	manager := queuednet.NewQueuedConnectionManager(config)
	defer manager.Close()
	socket, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{Config: config, MaxUnread: 1 << 20})
	if err != nil {
		return err.Error()
	}
	conn, err := manager.AdoptConnection(socket)
	if err != nil {
		return err.Error()
	}
	c := &client{manager, conn, queuednet.NewQueuedConnectionReader(manager), queuednet.NewConnectionWriter(manager)}
	switch what {
	case "echo":
		return c.echo()
	case "flood":
		return c.flood()
	case "hidden":
		return c.hidden()
	case "kick":
		return c.kick()
	}
	return "what?"
}

type client struct {
	manager *queuednet.QueuedConnectionManager
	conn    *queuednet.Connection
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
}

// echo sends back what comes until the end, and says what the end was.
func (c *client) echo() string {
	c.reader.AddConnection(c.conn)
	for datagrams := 0; ; {
		c.manager.WaitForReaders(context.Background())
		for d := range c.reader.Datagrams() {
			datagrams++
			c.writer.Send(&d.Datagram, c.conn)
		}
		if conn, ok := c.manager.GetResetConnection(); ok {
			return fmt.Sprintf("%d datagrams, %s", datagrams, reason(conn.Err()))
		}
	}
}

// flood sends until it may not.
func (c *client) flood() string {
	c.reader.AddConnection(c.conn)
	var d queuednet.Datagram
	d.AppendData(make([]byte, 10_000))
	for {
		if err := c.writer.Send(&d, c.conn); err != nil {
			return reason(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// hidden drains nothing, as in a hidden tab, until the page says that it is
// visible again.
func (c *client) hidden() string {
	c.reader.AddConnection(c.conn)
	for js.Global().Get("visible").IsUndefined() {
		time.Sleep(10 * time.Millisecond)
	}
	datagrams := 0
	for {
		c.manager.WaitForReaders(context.Background())
		for range c.reader.Datagrams() {
			datagrams++
		}
		if conn, ok := c.manager.GetResetConnection(); ok {
			return fmt.Sprintf("%d datagrams, %s", datagrams, reason(conn.Err()))
		}
	}
}

// kick closes the connection behind one last datagram.
func (c *client) kick() string {
	c.reader.AddConnection(c.conn)
	var d queuednet.Datagram
	d.AddString("good-bye")
	c.writer.Send(&d, c.conn)
	c.conn.Close()
	return reason(c.conn.Err())
}

// reason is an error in a word.
func reason(err error) string {
	var closed *websocket.CloseError
	var tooLong *queuednet.DatagramTooLongError
	switch {
	case errors.As(err, &closed):
		return fmt.Sprintf("status %d %q", closed.Code, closed.Reason)
	case errors.As(err, &tooLong):
		return fmt.Sprintf("too long: %d/%d", tooLong.Length, tooLong.Max)
	case err == io.EOF:
		return "EOF"
	case errors.Is(err, net.ErrClosed):
		return "closed"
	}
	return fmt.Sprint(err)
}
