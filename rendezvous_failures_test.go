package queuednet

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A troubledListener counts the calls of Accept and fails them while there is trouble.
type troubledListener struct {
	*pipeListener
	trouble atomic.Pointer[net.OpError]
	calls   atomic.Int32
}

var noTrouble = &net.OpError{}

func newTroubledListener(trouble *net.OpError) *troubledListener {
	l := &troubledListener{pipeListener: newPipeListener()}
	l.trouble.Store(trouble)
	return l
}

func (l *troubledListener) Accept() (net.Conn, error) {
	l.calls.Add(1)
	if trouble := l.trouble.Load(); trouble != noTrouble {
		return nil, trouble
	}
	return l.pipeListener.Accept()
}

// callsDuring returns how often it was tried to accept in some time.
func (l *troubledListener) callsDuring(wait time.Duration) int {
	before := l.calls.Load()
	time.Sleep(wait)
	synctest.Wait()
	return int(l.calls.Load() - before)
}

// passing are reasons that may pass, as package net wraps them.
var passing = map[string]*net.OpError{
	"EMFILE":       &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)},
	"ENFILE":       &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ENFILE)},
	"ENOBUFS":      &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ENOBUFS)},
	"ENOSPC":       &net.OpError{Op: "accept", Err: os.NewSyscallError("epoll_ctl", syscall.ENOSPC)},
	"ENOMEM":       &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ENOMEM)},
	"ECONNABORTED": &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ECONNABORTED)},
	"timeout":      &net.OpError{Op: "accept", Err: os.ErrDeadlineExceeded},
	"unknown":      &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", syscall.Errno(12345))},

	// Errors of the network that accept(2) reports and asks to be passed over,
	// and a firewall's.
	"EPROTO":       &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EPROTO)},
	"ENETDOWN":     &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ENETDOWN)},
	"EHOSTUNREACH": &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EHOSTUNREACH)},
	"EOPNOTSUPP":   &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EOPNOTSUPP)},
	"EPERM":        &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EPERM)},

	// Those of Windows, which are unknown elsewhere.
	"ERROR_NOT_ENOUGH_MEMORY":   &net.OpError{Op: "accept", Err: os.NewSyscallError("acceptex", windowsError(8))},
	"ERROR_NO_SYSTEM_RESOURCES": &net.OpError{Op: "accept", Err: os.NewSyscallError("acceptex", windowsError(1450))},
	"WSAEMFILE":                 &net.OpError{Op: "accept", Err: os.NewSyscallError("acceptex", windowsError(10024))},
	"WSAECONNABORTED":           &net.OpError{Op: "accept", Err: os.NewSyscallError("acceptex", windowsError(10053))},
	"WSAECONNRESET":             &net.OpError{Op: "accept", Err: os.NewSyscallError("acceptex", windowsError(10054))},
	"WSAENOBUFS":                &net.OpError{Op: "accept", Err: os.NewSyscallError("acceptex", windowsError(10055))},
}

// windowsError returns an error of Windows there, and else one of the system
// that means nothing.
func windowsError(number syscall.Errno) error { return systemError(number+100_000, number) }

func TestAcceptBacksOff(t *testing.T) {
	for name, reason := range passing {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log records
				e := newEnd(t, &Config{CloseTimeout: -1, Logger: slog.New(&log)})
				listener := newTroubledListener(reason)
				rendezvous, _ := e.adoptListener(listener)
				listener.Dial(t)
				calls := listener.callsDuring(10 * time.Second)
				assert.Greater(t, calls, 9, "it goes on trying")
				assert.Less(t, calls, 30, "it spins")
				assert.Equal(t, Refusals{AcceptErrors: uint64(listener.calls.Load())}, e.manager.Refusals())
				assert.Equal(t, []string{"WARN queuednet: connections cannot be accepted count=1 total=1 first=" + reason.Error()}, log.lines())
				assert.InDelta(t, 3600, listener.callsDuring(time.Hour), 1, "every second")
				assert.NoError(t, rendezvous.Err())
				assert.False(t, e.manager.ResetConnectionAvailable())

				// It passes: within a second all is well again.
				listener.trouble.Store(noTrouble)
				time.Sleep(time.Second)
				synctest.Wait()
				require.True(t, e.listener.NewConnectionAvailable())
				e.accept()

				// The next trouble begins with short pauses again.
				listener.trouble.Store(reason)
				listener.Dial(t) // what it waits for in Accept
				calls = listener.callsDuring(100 * time.Millisecond)
				assert.Greater(t, calls, 2)
				assert.Less(t, calls, 20)

				// A close does not wait for the pause.
				time.Sleep(time.Minute)
				start := time.Now()
				require.NoError(t, e.manager.Close())
				since(t, start, 0)
			})
		})
	}
}

// What the system says that ends a rendezvous is a short list; a listener of
// somebody else's ends it by saying the same for 2 seconds.
func TestAcceptEnds(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		after time.Duration
		calls int32
	}{
		"closed":           {net.ErrClosed, 0, 1},
		"no descriptor":    {os.NewSyscallError("accept", systemError(syscall.EBADF, 10009)), 0, 1},
		"not listening":    {os.NewSyscallError("accept", systemError(syscall.EINVAL, 10022)), 0, 1},
		"no socket":        {os.NewSyscallError("accept", systemError(syscall.ENOTSOCK, 10038)), 0, 1},
		"of somebody else": {errors.New("mux: listener closed"), 2275 * time.Millisecond, maxSameFailures},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnd(t, nil)
				reason := &net.OpError{Op: "accept", Err: test.err}
				listener := newTroubledListener(reason)
				rendezvous, _ := e.adoptListener(listener)
				start := time.Now()
				assert.Same(t, rendezvous, e.reset())
				since(t, start, test.after)
				assert.Same(t, reason, rendezvous.Err())
				assert.Equal(t, test.calls, listener.calls.Load())
				<-listener.Closed()
				assert.False(t, e.manager.CloseConnection(rendezvous))
				e.requireNoReset(rendezvous)
			})
		})
	}
	t.Run("not what each peer causes anew", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			listener := newTroubledListener(noTrouble)
			rendezvous, _ := e.adoptListener(listener)
			for i := range 100 {
				listener.trouble.Store(&net.OpError{Op: "accept", Err: fmt.Errorf("no good hello from peer %d", i)})
				if i == 0 {
					listener.Dial(t) // what it waits for in Accept
				}
				time.Sleep(time.Second)
			}
			assert.NoError(t, rendezvous.Err())
		})
	})
}
