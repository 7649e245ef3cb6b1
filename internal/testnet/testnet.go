// Package testnet has what the tests of the library share that knows nothing of it: plain
// peers, bytes on the wire, a name service. The tests inside the root package use it, which
// cannot import testend, and so do those outside.
package testnet

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience bounds every wait for something that is to happen.
const Patience = time.Minute

// The system's reasons. Windows has numbers of its own for them.
var (
	ErrConnectionReset   = SystemError(syscall.ECONNRESET, 10054)
	ErrConnectionRefused = SystemError(syscall.ECONNREFUSED, 10061)
	ErrAddressInUse      = SystemError(syscall.EADDRINUSE, 10048)
)

// SystemError returns the one of two numbers that this system has.
func SystemError(errno, windows syscall.Errno) error {
	if runtime.GOOS == "windows" {
		return windows
	}
	return errno
}

// must fails the test with an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Framed returns payloads as Panda3D puts them on the wire.
func Framed(headerSize int, payloads ...string) string {
	var b []byte
	for _, payload := range payloads {
		switch headerSize {
		case 2:
			b = binary.LittleEndian.AppendUint16(b, uint16(len(payload)))
		case 4:
			b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
		}
		b = append(b, payload...)
	}
	return string(b)
}

// Packed returns a payload as Panda3D puts it into a packet.
func Packed(payload string) string {
	var sum uint16
	for _, b := range []byte(payload) {
		sum += uint16(b)
	}
	return string(binary.LittleEndian.AppendUint16(nil, sum)) + payload
}

// Read reads exactly n bytes.
func Read(t testing.TB, r io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	must(t, err)
	return string(b)
}

// Write writes text.
func Write(t testing.TB, w io.Writer, text string) {
	t.Helper()
	_, err := io.WriteString(w, text)
	must(t, err)
}

// DialRaw opens a plain socket that is closed with the test.
func DialRaw(t testing.TB, address string) *net.TCPConn {
	t.Helper()
	raw, err := net.Dial("tcp", address)
	must(t, err)
	t.Cleanup(func() { raw.Close() })
	must(t, raw.SetDeadline(time.Now().Add(Patience)))
	return raw.(*net.TCPConn)
}

// RawUDP opens a plain UDP socket that is closed with the test.
func RawUDP(t testing.TB, address string) *net.UDPConn {
	t.Helper()
	raw, err := net.ListenPacket("udp", address)
	must(t, err)
	t.Cleanup(func() { raw.Close() })
	must(t, raw.SetDeadline(time.Now().Add(Patience)))
	return raw.(*net.UDPConn)
}

// BreakOff closes a plain socket so that its peer gets a reset.
func BreakOff(t testing.TB, raw *net.TCPConn) {
	t.Helper()
	must(t, raw.SetLinger(0))
	must(t, raw.Close())
}

// ClosedPort returns a port of the loopback that nobody listens at.
func ClosedPort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	return listener.Addr().(*net.TCPAddr).Port
}

// HostPort takes an address apart.
func HostPort(t testing.TB, address string) (host string, port int) {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	must(t, err)
	port, err = strconv.Atoi(text)
	must(t, err)
	return host, port
}

// NeedIPv6 skips the test on a machine without ::1.
func NeedIPv6(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	must(t, listener.Close())
}

// Eventually waits for what no queue tells.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s", what)
		}
	}
}

// RequireTimeout asserts that a deadline made a call fail.
func RequireTimeout(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("no timeout: %v", err)
	}
}

// RequireWithin asserts that f takes less than limit: see [RequireSoon].
func RequireWithin(t testing.TB, limit time.Duration, f func()) {
	t.Helper()
	RequireSoon(t, limit, func() time.Duration {
		start := time.Now()
		f()
		return time.Since(start)
	})
}

// RequireSoon asserts that something takes less than limit; f does it, and returns how long
// it took. A busy machine may stop any program for longer, so f has several attempts.
func RequireSoon(t testing.TB, limit time.Duration, f func() time.Duration) {
	t.Helper()
	best := time.Duration(1<<63 - 1)
	for range 10 {
		if best = min(best, f()); best < limit {
			return
		}
	}
	t.Fatalf("the fastest of 10 attempts takes %v, not less than %v", best, limit)
}

// GoroutinesIn returns how many goroutines are running a function, as a stack
// trace names it.
func GoroutinesIn(function string) (n int) {
	for _, stack := range stacks() {
		if strings.Contains(stack, function+"(") {
			n++
		}
	}
	return n
}

// LibraryGoroutines returns the stacks of the library's goroutines that have
// not ended by themselves within the time.
func LibraryGoroutines(wait time.Duration) string {
	for end := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		var left []string
		for _, stack := range stacks() {
			// The manager starts all of them in one way.
			if strings.Contains(stack, "queuednet.(*") && strings.Contains(stack, "created by sync.(*WaitGroup).Go") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
	}
}

func stacks() []string {
	buf := make([]byte, 4<<20)
	return strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
}

// HeapAllocated returns how many bytes the program has allocated so far. Large
// ones count at once.
func HeapAllocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// Seed returns a random source whose seed the test prints if it fails.
func Seed(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Log("seed ", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
