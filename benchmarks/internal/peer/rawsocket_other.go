//go:build !unix

package peer

import "net"

// rawSocket reads a socket that cannot be read without waiting.
type rawSocket struct{ *net.TCPConn }

func newRawSocket(socket *net.TCPConn) *rawSocket { return &rawSocket{socket} }

// readBlock waits for something to read, behind what is carried over.
func (s *rawSocket) readBlock(carried []byte) (*block, error) {
	b := newBlock()
	if cap(carried) > blockSize {
		b = &block{b: make([]byte, 0, cap(carried))}
	}
	b.b = append(b.b, carried...)
	n, err := s.Read(b.b[len(b.b):cap(b.b)])
	b.b = b.b[:len(b.b)+n]
	return b, err
}

// tryWrite writes nothing: it might wait.
func (*rawSocket) tryWrite([]byte) int { return 0 }
