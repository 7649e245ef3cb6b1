package queuednet

import (
	"io"
	"syscall"

	"github.com/queuednet/queuednet/internal/poller"
)

// What a socket of the fake poller does.

func (f *fakePoller) Read(fd int, b []byte) (int, error) {
	s := f.socket(fd, "Read")
	if f.onRead != nil {
		f.onRead(fd, b)
	}
	f.mu.Lock()
	s.reads++
	late, limit := f.chance(8), len(b)
	if f.chance(3) {
		limit = 1 + f.random.IntN(limit)
	}
	f.mu.Unlock()
	if late {
		f.happened(&s.in)
		return 0, poller.ErrAgain
	}
	n, wait, err := s.near.in.get(b[:limit])
	switch {
	case err == errConnectionReset && f.told(s):
		return 0, io.EOF
	case err != nil:
		return 0, err
	case wait != nil:
		return 0, poller.ErrAgain
	case limit < len(b): // the rest has come only just now
		f.happened(&s.in)
	}
	return n, nil
}

// told reports whether somebody has been told of a reset before, as a system tells
// it once.
func (f *fakePoller) told(s *fakeSocket) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := s.wasReset
	s.wasReset = true
	return was
}

func (f *fakePoller) Write(fd int, b []byte) (int, error) {
	s := f.socket(fd, "Write")
	f.mu.Lock()
	if s.shut {
		f.t.Error("a write after the end")
	}
	if f.chance(4) {
		b = b[:f.random.IntN(len(b))]
	}
	f.mu.Unlock()
	n, _, err := s.near.out.put(b)
	switch {
	case err == errConnectionReset && f.told(s):
		return 0, syscall.EPIPE
	case err == syscall.ECONNRESET && f.onReset != nil:
		f.onReset()
	case err == nil && n == 0:
		return 0, poller.ErrAgain
	}
	return n, err
}

func (f *fakePoller) Connected(fd int) bool {
	f.asked.Add(1)
	_, broken := f.socket(fd, "Connected").near.out.writable()
	return !broken
}

func (f *fakePoller) CloseWrite(fd int) error {
	s := f.socket(fd, "CloseWrite")
	f.mu.Lock()
	s.shut = true
	f.mu.Unlock()
	return s.near.CloseWrite()
}

func (f *fakePoller) Lingers(fd int) bool {
	f.socket(fd, "Lingers")
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.chance(2)
}

func (f *fakePoller) CloseSocket(fd int, reset bool) error {
	s := f.socket(fd, "CloseSocket")
	f.mu.Lock()
	if s.watched {
		f.t.Error("a socket is closed that is watched")
	}
	s.closed = true
	f.mu.Unlock()
	letGo(s.near, s.copies, reset)
	return nil
}
