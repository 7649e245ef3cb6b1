package queuednet

import (
	"sync"
	"time"
)

// The longest piece written under one WriteTimeout. A timeout in the middle of
// a plain write cannot be continued, as with TLS.
const (
	rawWritePiece   = 64 << 10
	plainWritePiece = 16 << 10
)

// lookAgain is how much longer a write may wait when its limit has passed: where
// the whole process was held up, the peer has had less time than the limit.
const lookAgain = 250 * time.Millisecond

// writeAll writes b and waits for it, as long as the peer takes something
// within each WriteTimeout and the limit of a closing connection allows.
func (c *Connection) writeAll(b []byte) error {
	write, piece := c.writeRaw, rawWritePiece
	if c.raw == nil {
		write, piece = c.writePlain, plainWritePiece
	}
	for len(b) > 0 {
		n, err := write(b[:min(len(b), piece)])
		c.out.wrote(n)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	// All is written: what the socket says now is no failed write. It may be
	// closed already.
	_ = c.socket.SetWriteDeadline(time.Time{})
	return nil
}

// writeRaw writes some of b to a socket that goes on after a deadline.
func (c *Connection) writeRaw(b []byte) (n int, err error) {
	limit, _ := c.out.writeLimit(c)
	for range 2 {
		if err := c.socket.SetWriteDeadline(limit); err != nil {
			return 0, err
		}
		n, err = c.stream.Write(b)
		if n > 0 && isTimeout(err) {
			return n, nil
		}
		if !isTimeout(err) {
			return n, err
		}
		limit = time.Now().Add(c.out.lookAgain(c))
	}
	return 0, ErrWriteTimeout
}

// writePlain writes b to a socket that a deadline may break, and whose error may
// be any: it is given a deadline only to break the write off.
func (c *Connection) writePlain(b []byte) (n int, err error) {
	w := c.watchWrite()
	n, err = c.stream.Write(b)
	passed := w.stop()
	switch {
	case err == nil && passed:
		_ = c.socket.SetWriteDeadline(time.Time{})
	case err != nil && (passed || isTimeout(err) || c.out.overdue()):
		err = ErrWriteTimeout
	}
	return n, err
}

// A writeWatch is the clock of one plain write.
type writeWatch struct {
	conn  *Connection
	mu    sync.Mutex
	timer *time.Timer // nil: the write may take any time
	stage writeStage
}

type writeStage uint8

const (
	writeWaits   writeStage = iota
	writeLate               // its limit has passed, and it has a little more time
	writeBroken             // it has been broken off
	writeStuck              // in vain: the connection has been failed
	writeStopped            // it has returned
)

func (c *Connection) watchWrite() *writeWatch {
	w := &writeWatch{conn: c}
	if limit, ok := c.out.writeLimit(c); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.timer = time.AfterFunc(time.Until(limit), w.pass)
	}
	return w
}

// pass goes to the next stage. One of TLS that waits for its peer's part of the
// handshake goes on after it was broken off: it ends when what has arrived has
// been delivered, see awaitWritten.
func (w *writeWatch) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.conn
	switch w.stage {
	case writeWaits:
		w.stage = writeLate
		w.timer.Reset(c.out.lookAgain(c))
	case writeLate:
		w.stage = writeBroken
		_ = c.socket.SetWriteDeadline(time.Unix(1, 0))
		w.timer.Reset(closeGrace / 2)
	case writeBroken:
		w.stage = writeStuck
		c.fail(ErrWriteTimeout, 0)
	}
}

// stop reports whether the write was broken off.
func (w *writeWatch) stop() (broken bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	broken = w.stage >= writeBroken
	w.stage = writeStopped
	return broken
}
