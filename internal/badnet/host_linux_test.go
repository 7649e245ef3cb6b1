package badnet

import (
	"encoding/binary"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// A host is a network namespace with one interface, a TUN device: packets that
// its sockets send can be read from the device, and what is written to it they
// receive. The namespace has no name. It lives as long as a thread, a socket or
// a device is in it, so nothing is left of it, however the test ends.
type host struct {
	address netip.Addr
	device  *os.File
	control int         // a socket of the namespace, to set up its interface
	work    chan func() // for the thread that is in the namespace
}

const (
	interfaceName = "tun0"
	netmask       = "255.255.255.0"

	// Every Linux has reno. Some others, bbr among them, take no notice of lost
	// packets, and would make the network better than it is.
	congestionControl = "reno"
)

func newHost(address netip.Addr) (*host, error) {
	h := &host{address: address, control: -1, work: make(chan func())}
	ready := make(chan error)
	go func() {
		// Never unlocked: the thread, which nobody else may use, ends with the
		// goroutine.
		runtime.LockOSThread()
		err := os.NewSyscallError("unshare", syscall.Unshare(syscall.CLONE_NEWNET))
		if err == nil {
			err = h.setUp()
		}
		ready <- err
		for f := range h.work {
			f()
		}
	}()
	if err := <-ready; err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// run calls f on a thread in the namespace. A socket belongs to the namespace
// of the thread that makes it.
func (h *host) run(f func() error) error {
	result := make(chan error)
	h.work <- func() { result <- f() }
	return <-result
}

func (h *host) setUp() error {
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_congestion_control", []byte(congestionControl), 0); err != nil {
		return err
	}
	device, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open /dev/net/tun", err)
	}
	kind := binary.NativeEndian.AppendUint16(nil, syscall.IFF_TUN|syscall.IFF_NO_PI)
	if err := configure(device, syscall.TUNSETIFF, kind); err != nil {
		syscall.Close(device)
		return os.NewSyscallError("TUNSETIFF", err)
	}
	h.device = os.NewFile(uintptr(device), "/dev/net/tun")
	if h.control, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := configure(h.control, syscall.SIOCSIFADDR, socketAddress(h.address)); err != nil {
		return os.NewSyscallError("SIOCSIFADDR", err)
	}
	if err := configure(h.control, syscall.SIOCSIFNETMASK, socketAddress(netip.MustParseAddr(netmask))); err != nil {
		return os.NewSyscallError("SIOCSIFNETMASK", err)
	}
	return h.setUpOrDown(true)
}

// setUpOrDown is what "ip link set up" and "down" do.
func (h *host) setUpOrDown(up bool) error {
	var flags uint16
	if up {
		flags = syscall.IFF_UP
	}
	err := configure(h.control, syscall.SIOCSIFFLAGS, binary.NativeEndian.AppendUint16(nil, flags))
	return os.NewSyscallError("SIOCSIFFLAGS", err)
}

// close ends the thread and the device. Sockets keep the namespace until they
// are closed too.
func (h *host) close() {
	close(h.work)
	if h.device != nil {
		h.device.Close()
	}
	if h.control >= 0 {
		syscall.Close(h.control)
	}
}

// configure makes an ioctl with a struct ifreq, of the interface and a value.
func configure(fd int, request uintptr, value []byte) error {
	var ifreq struct {
		name  [syscall.IFNAMSIZ]byte
		value [24]byte
	}
	copy(ifreq.name[:], interfaceName)
	copy(ifreq.value[:], value)
	if _, _, err := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&ifreq))); err != 0 {
		return err
	}
	return nil
}

// socketAddress returns a struct sockaddr_in.
func socketAddress(address netip.Addr) []byte {
	b := binary.NativeEndian.AppendUint16(nil, syscall.AF_INET)
	return append(append(b, 0, 0), address.AsSlice()...)
}
