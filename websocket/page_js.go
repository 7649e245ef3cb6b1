package websocket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall/js"
	"time"

	"github.com/queuednet/queuednet"
)

// In a browser this package uses the page's own WebSocket. That of coder/websocket
// shows neither the status of the end nor what waits to be sent, and may lose the last
// messages before the end.

// A page is a browser's WebSocket, for a manager to adopt. It has no goroutine: the
// browser's events put messages into the inbox. The functions that handle them are
// released at the event of the end, or when CloseWithReason returns.
type page struct {
	inbox
	settings
	socket    js.Value
	url       string
	maxUnread int

	opened    chan struct{} // closed by the event
	gone      chan struct{} // closed by that of the end
	events    map[string]js.Func
	releasing sync.Once
	closing   atomic.Bool

	writing       sync.Mutex
	framer        framer
	writeDeadline atomic.Pointer[time.Time]
}

func dial(ctx context.Context, url, protocol string, options *DialOptions) (_ net.Conn, err error) {
	p := &page{
		settings:  settingsOf(options.Config, -1).forProtocol(protocol),
		url:       url,
		maxUnread: options.MaxUnread,
		opened:    make(chan struct{}),
		gone:      make(chan struct{}),
	}
	p.inbox.init()
	p.framer = framer{headerSize: p.headerSize, send: p.send}
	if p.maxUnread <= 0 {
		p.maxUnread = defaultMaxUnread
	}
	if p.socket, err = open(url, protocol); err != nil {
		return nil, fmt.Errorf("websocket: connecting to %s: %w", url, err)
	}
	p.listen()
	select {
	case <-p.opened:
		return p, nil
	case <-p.gone:
		return nil, fmt.Errorf("websocket: connecting to %s: the browser does not tell a page why: %w", url, p.end())
	case <-ctx.Done():
		p.closing.Store(true)
		p.call("close")
		p.release()
		return nil, ctx.Err()
	}
}

// open makes one of the browser's WebSockets.
func open(url, protocol string) (socket js.Value, err error) {
	defer recoverJS(&err)
	class := js.Global().Get("WebSocket")
	if class.IsUndefined() {
		return socket, errors.ErrUnsupported
	}
	socket = class.New(url, protocol)
	socket.Set("binaryType", "arraybuffer")
	return socket, nil
}

// recoverJS turns what JavaScript throws into an error.
func recoverJS(err *error) {
	switch thrown := recover().(type) {
	case nil:
	case js.Error:
		*err = thrown
	default:
		panic(thrown)
	}
}

// call calls a method of the socket.
func (p *page) call(method string, arguments ...any) (err error) {
	defer recoverJS(&err)
	p.socket.Call(method, arguments...)
	return nil
}

// listen begins to take the browser's events. The functions that handle them must not
// wait.
func (p *page) listen() {
	p.events = map[string]js.Func{
		"open": js.FuncOf(func(js.Value, []js.Value) any {
			close(p.opened)
			return nil
		}),
		"message": js.FuncOf(func(_ js.Value, arguments []js.Value) any {
			p.message(arguments[0].Get("data"))
			return nil
		}),
		"close": js.FuncOf(func(_ js.Value, arguments []js.Value) any {
			p.closed(arguments[0])
			return nil
		}),
	}
	for name, f := range p.events {
		p.socket.Call("addEventListener", name, f)
	}
}

// release undoes listen.
func (p *page) release() {
	p.releasing.Do(func() {
		for name, f := range p.events {
			p.socket.Call("removeEventListener", name, f)
			f.Release()
		}
	})
}

// message puts a message into the inbox.
func (p *page) message(data js.Value) {
	if data.Type() == js.TypeString {
		p.refuse(ErrText)
		return
	}
	length := data.Get("byteLength").Int()
	if p.headerSize != 0 && int64(length) > p.longest {
		p.refuse(&queuednet.DatagramTooLongError{Length: int64(length), Max: p.longest})
		return
	}
	if length+p.headerSize == 0 {
		return
	}
	b := newBuffer()
	setHeader(b.reserve(p.headerSize), p.headerSize, int64(length))
	js.CopyBytesToGo(b.reserve(length), js.Global().Get("Uint8Array").New(data))
	if p.offer(b) > p.maxUnread {
		p.refuse(ErrUnread)
	}
}

// offer is put without waiting, because there is no goroutine that could. It returns
// how many bytes are unread.
func (in *inbox) offer(b *buffer) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.add(b)
	return in.size()
}

// refuse ends the connection because of what the server sends. The server is told
// now: the manager may not read for a long time.
func (p *page) refuse(reason error) {
	p.fail(reason)
	p.tell(reason)
}

// tell closes the socket. A page may use no status but 1000 and those from 3000
// to 4999.
func (p *page) tell(reason error) error {
	code, text := statusOf(reason)
	if p.framer.part != nil && code == statusNormal {
		code, text = statusInternal, cutDatagram
	}
	switch code {
	case statusNormal:
	case statusGoingAway:
		code, text = statusNormal, ""
	default:
		code += 3000
	}
	return p.call("close", code, text)
}

// closed handles the event of the end.
func (p *page) closed(event js.Value) {
	code := event.Get("code").Int()
	switch {
	case p.closing.Load():
		p.fail(net.ErrClosed)
	case code == statusAbnormal:
		p.fail(&CloseError{Code: code})
	default:
		p.fail(closedBy(code, event.Get("reason").String()))
	}
	close(p.gone)
	go p.release() // not in a function that it releases
}

// pageBacklog bounds the bytes that the browser holds until they are sent. Beyond it
// Write waits, so that the rest stays with the manager and counts for
// Config.MaxSendQueue.
const pageBacklog = 64 << 10

// backlogPoll is how often the browser is asked what it still holds, because no event
// tells that it has sent something.
const backlogPoll = 4 * time.Millisecond

// Write takes frames in pieces of any length. While the browser holds more than
// pageBacklog it waits, until the deadline; a deadline that passes does no harm.
func (p *page) Write(b []byte) (n int, err error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.headerSize != 0 {
		return p.framer.write(b)
	}
	if err := p.send(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// send sends a message once the browser has room for it.
func (p *page) send(message []byte) error {
	for {
		select {
		case <-p.gone:
			return p.end()
		default:
		}
		limit := p.writeDeadline.Load()
		switch {
		case p.closing.Load():
			return net.ErrClosed
		case limit != nil && !limit.IsZero() && !time.Now().Before(*limit):
			return os.ErrDeadlineExceeded
		case p.socket.Get("bufferedAmount").Int() <= pageBacklog:
			bytes := js.Global().Get("Uint8Array").New(len(message))
			js.CopyBytesToJS(bytes, message)
			return p.call("send", bytes)
		}
		time.Sleep(backlogPoll)
	}
}

// SetWriteDeadline implements net.Conn.
func (p *page) SetWriteDeadline(t time.Time) error {
	p.writeDeadline.Store(&t)
	return nil
}

// SetDeadline implements net.Conn.
func (p *page) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// TCPHeaderSize returns the size of the headers that a manager must use, 0 for any.
func (p *page) TCPHeaderSize() int { return p.headerSize }

// RemoteAddr returns the server's URL: a page does not learn more.
func (p *page) RemoteAddr() net.Addr { return addr(p.url) }

// LocalAddr returns an address that says no more than "browser".
func (p *page) LocalAddr() net.Addr { return addr("browser") }

// Close is CloseWithReason without a reason.
func (p *page) Close() error { return p.CloseWithReason(nil) }

// CloseWithReason tells the peer the status that stands for the reason and waits for
// its answer, for at most Config.CloseTimeout. What has been written arrives. A status
// other than 1000 is sent as that status plus 3000.
func (p *page) CloseWithReason(reason error) error {
	if p.closing.Swap(true) {
		p.release()
		return net.ErrClosed
	}
	p.drop(net.ErrClosed)
	err := p.tell(reason)
	timer := time.NewTimer(p.closeTimeout)
	defer timer.Stop()
	select {
	case <-p.gone:
	case <-timer.C:
	}
	p.release()
	return err
}
