package queuednet

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/queuednet/queuednet/internal/poller"
	"github.com/queuednet/queuednet/internal/sockopt"
)

// The methods that make a link a carrier. They ask first whether a goroutine has
// the stream by now: see engine_move.go.

func (l *link) look() {
	if g := l.carriedBy(); g != nil {
		g.look()
		return
	}
	e := l.engine
	e.mu.Lock()
	if !l.looked {
		l.looked = true
		e.looks = append(e.looks, l)
	}
	e.mu.Unlock()
	e.ask()
}

func (l *link) interrupt() {
	if g := l.carriedBy(); g != nil {
		g.interrupt()
		return
	}
	l.look()
}

// flush writes what the system takes. What it does not take waits for the socket
// to become writable: no goroutine stands by for a stuck peer.
func (l *link) flush() {
	s := l.stream
	for {
		if g := l.carriedBy(); g != nil {
			g.flush()
			return
		}
		b, at, shut := s.out.take(s)
		if b == nil {
			if shut {
				l.shutWrite()
			}
			return
		}
		n, err := l.write(b.b[at:])
		s.out.wrote(s, n)
		s.watchAcks()
		at += n
		switch {
		case at == len(b.b):
			b.free()
		case err == nil || err == poller.ErrAgain:
			if last, _ := s.overdue(); last {
				b.free()
				s.writeFailed(ErrWriteTimeout)
				return
			}
			l.block(b, at)
			return
		default:
			b.free()
			s.writeFailed(s.opError("write", err))
			return
		}
	}
}

func (l *link) write(b []byte) (int, error) {
	l.use.RLock()
	defer l.use.RUnlock()
	switch {
	case l.moved:
		return 0, poller.ErrAgain
	case l.fd < 0:
		return 0, net.ErrClosed
	}
	return l.engine.poller.Write(l.fd, b)
}

// block puts back what the system has not taken, and waits for it.
func (l *link) block(b *block, at int) {
	s := l.stream
	s.blocks()
	if !s.out.putBack(b, at) {
		l.shutWrite() // it was given up meanwhile
		return
	}
	l.use.RLock()
	var err error
	if l.fd >= 0 {
		err = l.engine.poller.WantWrite(l.fd, l.key, true)
	}
	moved := l.moved
	l.use.RUnlock()
	switch {
	case moved:
		l.goOn()
	case err != nil:
		l.look() // the poller has failed, or has never had room for the socket
	}
}

// writable goes on with what block has put back.
func (l *link) writable() {
	s := l.stream
	was, flush := s.out.unblock()
	if !was {
		return
	}
	l.use.RLock()
	if l.fd >= 0 {
		_ = l.engine.poller.WantWrite(l.fd, l.key, false)
	}
	l.use.RUnlock()
	if flush {
		s.manager.flusher.queue(chain{s, s})
	}
}

// shutWrite tells the peer that nothing more comes.
func (l *link) shutWrite() {
	l.use.RLock()
	moved := l.moved
	if l.fd >= 0 && !l.stream.out.gaveUp.Load() {
		_ = l.engine.poller.CloseWrite(l.fd)
	}
	l.use.RUnlock()
	if moved {
		l.next.shutWrite()
		return
	}
	l.stream.outgoingOver()
}

func (l *link) interruptWrite() {
	if g := l.carriedBy(); g != nil {
		g.interruptWrite()
	}
	// Else a write does not wait.
}

func (l *link) hangUp() {
	if g := l.carriedBy(); g != nil {
		g.hangUp()
		return
	}
	e := l.engine
	e.mu.Lock()
	e.leaving = append(e.leaving, l)
	e.mu.Unlock()
	e.ask()
}

func (l *link) breakOff() {
	l.broken.Store(true)
	if g := l.carriedBy(); g != nil { // else move sees that it is broken
		g.breakOff()
		return
	}
	l.stream.leaveLog()
	l.stream.out.abort(l.stream, net.ErrClosed)
	l.look()
}

func (l *link) isForeign() bool { return false }

// A rawSocket is a socket that package net does not know, for options: a syscall.Conn and
// a syscall.RawConn, of which only Control works.
type rawSocket[S interface {
	control(f func(fd uintptr)) error
}] struct{ socket S }

// A linkSocket is the socket of a link.
type linkSocket = rawSocket[*link]

func (s rawSocket[S]) SyscallConn() (syscall.RawConn, error) { return s, nil }

func (s rawSocket[S]) Control(f func(fd uintptr)) error  { return s.socket.control(f) }
func (s rawSocket[S]) Read(func(fd uintptr) bool) error  { return errors.ErrUnsupported }
func (s rawSocket[S]) Write(func(fd uintptr) bool) error { return errors.ErrUnsupported }

func (l *link) system() any {
	if g := l.carriedBy(); g != nil {
		return g.system()
	}
	return linkSocket{l}
}

// control calls f with the descriptor.
func (l *link) control(f func(fd uintptr)) error {
	l.use.RLock()
	defer l.use.RUnlock()
	switch {
	case l.moved:
		socket, ok := l.next.socket.(syscall.Conn)
		if !ok {
			return errors.ErrUnsupported
		}
		return sockopt.Control(socket, func(fd uintptr) error { f(fd); return nil })
	case l.fd < 0:
		return net.ErrClosed
	}
	f(uintptr(l.fd))
	return nil
}

// with calls set with a socket of package net on the same connection.
func (l *link) with(set func(tcpOptions) error) error {
	tcp, err := l.copied()
	if err != nil {
		return err
	}
	defer tcp.Close()
	return set(tcp)
}

// copied returns a socket of package net on the same connection.
func (l *link) copied() (*net.TCPConn, error) {
	file, err := fileOf(linkSocket{l})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	socket, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return socket.(*net.TCPConn), nil
}

// fileOf returns a file of a copy of a socket's descriptor.
func fileOf(socket syscall.Conn) (*os.File, error) {
	fd, err := poller.Copy(socket)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "tcp"), nil
}
