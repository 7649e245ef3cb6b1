package load

import (
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// A conn is a client's socket. On Linux it is used with the system's calls, and
// all are read by one thread: this program runs on the same cores as the server
// that is measured, and is to take as little as it can.
type conn struct{ fd int }

func open(address string) (*conn, error) {
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	for {
		err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())})
		switch err {
		case nil, syscall.EISCONN:
			return &conn{fd}, nil
		case syscall.EINTR, syscall.EALREADY:
			time.Sleep(time.Millisecond)
		default:
			syscall.Close(fd)
			return nil, os.NewSyscallError("connect", err)
		}
	}
}

func (c *conn) Read(b []byte) (int, error) {
	for {
		n, err := syscall.Read(c.fd, b)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (c *conn) Write(b []byte) (written int, err error) {
	for written < len(b) {
		n, err := syscall.Write(c.fd, b[written:])
		if err != nil && err != syscall.EINTR {
			return written, os.NewSyscallError("write", err)
		}
		written += max(n, 0)
	}
	return written, nil
}

// abort closes the socket with a reset.
func (c *conn) abort() {
	syscall.SetsockoptLinger(c.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	syscall.Close(c.fd)
}

// receive reads what comes for all receivers until the receipt is stopped.
func (r *receipt) receive(receivers []*receiver) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		r.fail("epoll: %v", err)
		return
	}
	defer syscall.Close(epoll)
	for i, receiver := range receivers {
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
		if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, receiver.conn.fd, &event); err != nil {
			r.fail("epoll: %v", err)
			return
		}
	}
	const patience = 20 // milliseconds, to see that it is stopped
	events := make([]syscall.EpollEvent, 256)
	for !r.stopped.Load() {
		n, err := syscall.EpollWait(epoll, events, patience)
		if err != nil && err != syscall.EINTR {
			r.fail("epoll: %v", err)
			return
		}
		for _, event := range events[:max(n, 0)] {
			receiver := receivers[event.Fd]
			if err := receiver.read(r); err != nil {
				r.fail("client %d: %v", receiver.number, err)
				syscall.EpollCtl(epoll, syscall.EPOLL_CTL_DEL, receiver.conn.fd, nil)
			}
		}
	}
}
