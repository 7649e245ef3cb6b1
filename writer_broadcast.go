package queuednet

import (
	"errors"
	"iter"
)

// Broadcast sends a datagram to each of a sequence of connections, such as
// maps.Keys(players). It puts the datagram into a frame once, and goes on past a
// receiver that fails. The errors come back joined; besides what Send documents, each
// names the address of the receiver. A nil sequence has no receivers. The sequence must
// not wait, because the datagrams leave when it has ended. In Panda3D this is a loop
// over send.
func (w *ConnectionWriter) Broadcast(datagram *Datagram, conns iter.Seq[*Connection]) (err error) {
	headerSize := w.frameHeader()
	if err := w.check(datagram, headerSize); err != nil || conns == nil {
		return err
	}
	frame := newFrame(headerSize, datagram.data)
	defer frame.free()
	e := newLogEntry(frame, headerSize)
	defer e.free()
	defer func() { err = w.sendAll(e) }() // also if conns panics
	e.collecting = true
	conns(e.collect)
	return nil
}

// Except yields all connections of a sequence but one. It is for a Broadcast to all
// others in a room:
//
//	writer.Broadcast(&said, queuednet.Except(maps.Keys(room), speaker))
//
// A nil sequence is an empty one. Panda3D has no counterpart.
func Except(conns iter.Seq[*Connection], but *Connection) iter.Seq[*Connection] {
	return func(yield func(*Connection) bool) {
		if conns == nil {
			return
		}
		for conn := range conns {
			if conn != but && !yield(conn) {
				return
			}
		}
	}
}

// sendAll sends the frame of an entry to its receivers, of whatever kind they are.
func (w *ConnectionWriter) sendAll(e *logEntry) error {
	var errs []error
	e.collecting = false
	all := e.receivers
	n := w.sortReceivers(e)
	if e.receivers = all[n:]; len(e.receivers) > 0 {
		errs = w.sendDirectly(e)
		clear(e.receivers)
	}
	if e.receivers = all[:n]; n > 0 {
		for _, conn := range w.manager.log.send(e) {
			errs = append(errs, &receiverError{conn, conn.stream.out.reason()})
		}
	}
	return errors.Join(errs...)
}

// sortReceivers moves the receivers that take the log to the front, and returns how
// many they are. It reads one cache line of each and does nothing else, so that the
// processor waits for many cache lines at once.
func (w *ConnectionWriter) sortReceivers(e *logEntry) (n int) {
	if len(e.frame.b) > maxLogFrame {
		return 0
	}
	for i, conn := range e.receivers {
		if conn != nil && conn.manager == w.manager && conn.viaLog.Load() {
			e.receivers[i], e.receivers[n] = e.receivers[n], conn
			n++
		}
	}
	return n
}

// sendDirectly sends to the receivers that may refuse.
func (w *ConnectionWriter) sendDirectly(e *logEntry) (errs []error) {
	var dirty chain
	w.manager.log.distribute()
	for _, conn := range e.receivers {
		err := w.checkReceiver(conn)
		if err == nil {
			var flush bool
			flush, err = conn.stream.sendFrame(e.headerSize, e.frame)
			if flush {
				dirty.add(conn.stream)
			}
		}
		if err != nil {
			errs = append(errs, &receiverError{conn, err})
		}
	}
	w.manager.flusher.queue(dirty)
	return errs
}

// receiverError says which receiver of a broadcast failed.
type receiverError struct {
	conn *Connection
	err  error
}

func (e *receiverError) Error() string { return e.conn.name() + ": " + e.err.Error() }
func (e *receiverError) Unwrap() error { return e.err }
