package poller

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// Events that package syscall names on some architectures only, or not unsigned.
const (
	epollRDHUP = 0x2000
	epollET    = 1 << 31
)

// wakeSlot is the slot of the poller's own eventfd.
const wakeSlot = -1

// epoll is the Poller of Linux.
type epoll struct {
	fd     int
	wake   int
	events []syscall.EpollEvent

	yielded time.Time // when Wait did so last: see yield

	// Where there is one P only, a goroutine in epoll_wait would keep it from all
	// others until the runtime takes it away. There the runtime's own poller watches
	// the epoll descriptor instead.
	file    *os.File
	runtime syscall.RawConn
	woken   chan struct{} // a token: Wake was called

	// Of a wait there, which need not allocate then.
	look  func(fd uintptr) bool
	into  []syscall.EpollEvent
	found int
	err   error
}

// New returns a poller, or an error where the system refuses one, as sandboxes do.
func New() (Poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	e := &epoll{fd: fd, wake: -1, events: make([]syscall.EpollEvent, 256)}
	if err := e.init(); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

func (e *epoll) init() error {
	const nonblock, cloexec = syscall.O_NONBLOCK, syscall.O_CLOEXEC
	wake, _, errno := syscall.Syscall(syscall.SYS_EVENTFD2, 0, nonblock|cloexec, 0)
	if errno != 0 {
		return os.NewSyscallError("eventfd2", errno)
	}
	e.wake = int(wake)
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: wakeSlot}
	if err := syscall.EpollCtl(e.fd, syscall.EPOLL_CTL_ADD, e.wake, &event); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	if runtime.GOMAXPROCS(0) > 1 {
		return nil
	}
	if err := syscall.SetNonblock(e.fd, true); err != nil { // else package os would not poll it
		return os.NewSyscallError("fcntl", err)
	}
	var err error
	e.woken = make(chan struct{}, 1)
	e.file = os.NewFile(uintptr(e.fd), "epoll")
	e.runtime, err = e.file.SyscallConn()
	e.look = e.lookNow
	return err
}

// lookNow is called by the runtime's poller. Without an event it returns false, which
// is to wait: none is missed, as the set stays readable.
func (e *epoll) lookNow(fd uintptr) bool {
	e.found, e.err = syscall.EpollWait(int(fd), e.into, 0)
	return e.found != 0 && e.err != syscall.EINTR
}

func (e *epoll) Add(fd int, key Key) error {
	return e.control(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN|epollRDHUP|epollET, key)
}

func (e *epoll) WantWrite(fd int, key Key, want bool) error {
	events := uint32(syscall.EPOLLIN | epollRDHUP | epollET)
	if want {
		events |= syscall.EPOLLOUT
	}
	return e.control(syscall.EPOLL_CTL_MOD, fd, events, key)
}

func (e *epoll) Remove(fd int) error { return e.control(syscall.EPOLL_CTL_DEL, fd, 0, Key{}) }

func (e *epoll) control(op, fd int, events uint32, key Key) error {
	event := syscall.EpollEvent{Events: events, Fd: key.Slot, Pad: key.Generation}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(e.fd, op, fd, &event))
}

func (e *epoll) Wait(events []Event, timeout time.Duration) (int, error) {
	n, err := e.wait(e.events[:min(len(events), len(e.events))], timeout)
	if err != nil {
		return 0, err
	}
	found := 0
	for _, event := range e.events[:n] {
		if event.Fd == wakeSlot {
			e.unwake()
			continue
		}
		const ended = epollRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
		events[found] = Event{
			Key:      Key{event.Fd, event.Pad},
			Readable: event.Events&^syscall.EPOLLOUT != 0,
			Writable: event.Events&(syscall.EPOLLOUT|syscall.EPOLLHUP|syscall.EPOLLERR) != 0,
			Ended:    event.Events&ended != 0,
		}
		found++
	}
	return found, nil
}

// wait is epoll_wait.
func (e *epoll) wait(events []syscall.EpollEvent, timeout time.Duration) (int, error) {
	if timeout != 0 && e.runtime != nil {
		return e.waitRuntime(events, timeout)
	}
	kernel := timeout
	if timeout > 0 && timeout < time.Millisecond { // which epoll_wait does not know
		await(e.fd, timeout)
		kernel = 0
	}
	n, err := syscall.EpollWait(e.fd, events, milliseconds(kernel))
	if timeout != 0 {
		e.yield()
	}
	if err != nil && err != syscall.EINTR {
		return 0, os.NewSyscallError("epoll_wait", err)
	}
	return max(n, 0), nil
}

// yield passes the scheduler once in a while. A goroutine that waits in the kernel and
// never does is taken for a hog after 10 ms, and preempted again and again, which costs a
// third of the processor time of a quiet server. But each time wakes a thread, which
// finds nothing to do: that is a third of a round trip.
func (e *epoll) yield() {
	const often = 4 * time.Millisecond
	if now := time.Now(); now.Sub(e.yielded) >= often {
		e.yielded = now
		runtime.Gosched()
	}
}

// waitRuntime is wait by the runtime's poller.
func (e *epoll) waitRuntime(events []syscall.EpollEvent, timeout time.Duration) (n int, err error) {
	var deadline time.Time
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	if err := e.file.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	e.into = events
	waitErr := e.runtime.Read(e.look)
	n, err = e.found, e.err
	switch {
	case errors.Is(waitErr, os.ErrDeadlineExceeded):
		return 0, nil
	case waitErr != nil:
		return 0, waitErr
	case err != nil:
		return 0, os.NewSyscallError("epoll_wait", err)
	}
	return n, nil
}

// milliseconds rounds a timeout down.
func milliseconds(timeout time.Duration) int {
	if timeout < 0 {
		return -1
	}
	const longest = 1 << 30 // some 12 days: whoever waits longer looks again
	return int(min(timeout/time.Millisecond, longest))
}

// await waits until a descriptor is readable, at most for d.
func await(fd int, d time.Duration) {
	type pollFD struct {
		fd              int32
		events, revents int16
	}
	const pollIn = 1
	poll := pollFD{fd: int32(fd), events: pollIn}
	timeout := syscall.NsecToTimespec(int64(d))
	_, _, _ = syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
}

func (e *epoll) Pause(d time.Duration) {
	if e.runtime != nil {
		timer := time.NewTimer(d) // a thread of its own costs more here
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-e.woken:
		}
		return
	}
	await(e.wake, d)
	runtime.Gosched() // what the sweep before has woken runs, also if all other processors are busy
}

func (e *epoll) Wake() {
	if e.runtime != nil {
		select {
		case e.woken <- struct{}{}:
		default:
		}
	}
	one := binary.NativeEndian.AppendUint64(nil, 1)
	_, _ = syscall.Write(e.wake, one) // fails if very many have not been seen: it is readable all the same
}

func (e *epoll) unwake() {
	var count [8]byte
	_, _ = syscall.Read(e.wake, count[:])
}

func (e *epoll) Read(fd int, b []byte) (int, error) { return TryRead(uintptr(fd), b) }

func (e *epoll) Write(fd int, b []byte) (int, error) { return TryWrite(uintptr(fd), b) }

func (e *epoll) Connected(fd int) bool { return Connected(uintptr(fd)) }

func (e *epoll) Accept(fd int) (accepted int, peer netip.AddrPort, err error) {
	for {
		accepted, address, err := syscall.Accept4(fd, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch err {
		case nil:
			return accepted, addrPortOf(address), nil
		case syscall.EINTR, syscall.ECONNABORTED: // the one that waited has gone
		case syscall.EAGAIN:
			return -1, netip.AddrPort{}, ErrAgain
		default:
			return -1, netip.AddrPort{}, os.NewSyscallError("accept4", err)
		}
	}
}

func (e *epoll) LocalAddress(fd int) netip.AddrPort {
	address, _ := syscall.Getsockname(fd)
	return addrPortOf(address)
}

// addrPortOf returns an address of the system's; not a valid one for none.
func addrPortOf(address syscall.Sockaddr) netip.AddrPort {
	switch address := address.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(address.Addr), uint16(address.Port))
	case *syscall.SockaddrInet6:
		ip := netip.AddrFrom16(address.Addr)
		if address.ZoneId != 0 {
			ip = ip.WithZone(zoneOf(int(address.ZoneId)))
		}
		return netip.AddrPortFrom(ip, uint16(address.Port))
	}
	return netip.AddrPort{}
}

// zoneOf names an interface as package net does in addresses.
func zoneOf(index int) string {
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return strconv.Itoa(index)
}

func (e *epoll) CloseWrite(fd int) error {
	return os.NewSyscallError("shutdown", syscall.Shutdown(fd, syscall.SHUT_WR))
}

func (e *epoll) Lingers(fd int) bool {
	// An IPMreq has the size of a syscall.Linger, which there is no call for: a
	// qemu-user that is asked for less writes as much all the same. Its first field
	// is Onoff.
	linger, err := syscall.GetsockoptIPMreq(fd, syscall.SOL_SOCKET, syscall.SO_LINGER)
	return err == nil && linger.Multiaddr != [4]byte{}
}

func (e *epoll) CloseSocket(fd int, reset bool) error {
	if reset {
		_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	}
	return os.NewSyscallError("close", syscall.Close(fd))
}

func (e *epoll) Close() error {
	if e.wake >= 0 {
		syscall.Close(e.wake)
	}
	if e.file != nil {
		return e.file.Close()
	}
	return os.NewSyscallError("close", syscall.Close(e.fd))
}

// Copy returns a copy of a socket's descriptor, which Go's runtime does not know.
func Copy(socket syscall.Conn) (fd int, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return -1, err
	}
	controlErr := raw.Control(func(original uintptr) {
		copied, _, errno := syscall.Syscall(syscall.SYS_FCNTL, original, syscall.F_DUPFD_CLOEXEC, 0)
		if errno != 0 {
			err = os.NewSyscallError("fcntl", errno)
		}
		fd = int(copied)
	})
	if controlErr != nil {
		err = controlErr
	}
	if err != nil {
		return -1, err
	}
	return fd, nil
}
