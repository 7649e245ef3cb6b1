//go:build unix

package peer

import (
	"io"
	"net"
	"syscall"
)

// rawSocket reads and writes a socket without waiting.
type rawSocket struct {
	*net.TCPConn
	raw syscall.RawConn

	// Of the reading goroutine; the function is made once.
	carried []byte
	block   *block
	err     error
	read    func(fd uintptr) bool

	// Of whoever writes.
	frame   []byte
	written int
	write   func(fd uintptr) bool
}

func newRawSocket(socket *net.TCPConn) *rawSocket {
	raw, err := socket.SyscallConn()
	if err != nil {
		panic(err) // a TCPConn that was accepted has one
	}
	s := &rawSocket{TCPConn: socket, raw: raw}
	s.read, s.write = s.readNow, s.writeNow
	return s
}

// readBlock waits until there is something to read, without holding a buffer,
// and reads it into a block, behind what is carried over.
func (s *rawSocket) readBlock(carried []byte) (*block, error) {
	s.carried = carried
	if err := s.raw.Read(s.read); err != nil {
		return nil, err
	}
	return s.block, s.err
}

func (s *rawSocket) readNow(fd uintptr) bool {
	b := newBlock()
	if cap(s.carried) > blockSize {
		b = &block{b: make([]byte, 0, cap(s.carried))}
	}
	b.b = append(b.b, s.carried...)
	for {
		n, err := syscall.Read(int(fd), b.b[len(b.b):cap(b.b)])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			b.free()
			return false
		case err == nil && n == 0:
			err = io.EOF
		}
		s.block, s.err = b, err
		b.b = b.b[:len(b.b)+max(n, 0)]
		return true
	}
}

// tryWrite writes what the system takes at once, and returns how much that is.
func (s *rawSocket) tryWrite(frame []byte) int {
	s.frame, s.written = frame, 0
	s.raw.Write(s.write)
	s.frame = nil
	return s.written
}

func (s *rawSocket) writeNow(fd uintptr) bool {
	n, _ := syscall.Write(int(fd), s.frame)
	s.written = max(n, 0)
	return true
}
