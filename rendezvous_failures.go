package queuednet

import (
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// acceptFailures counts the errors of Accept since it last succeeded. Hardly any of them
// is about the listening socket: the process or the system is out of something, a
// firewall has intervened, or one peer has gone. So an error passes unless it is known to
// be the end.
type acceptFailures struct {
	pause time.Duration // before the next attempt
	text  string        // of the last error that is not the system's
	same  int           // how many times in a row
}

// maxSameFailures is how often a listener must fail in the same words, which
// takes 2 seconds, to be taken for one that is closed.
const maxSameFailures = 10

// final counts an error, and reports whether it is the end of the listener, whose socket
// is not there any more. An error that is not of the system, such as cmux's "mux:
// listener closed", means nothing by itself; it is the end if it is all that Accept
// returns.
func (f *acceptFailures) final(err error) bool {
	f.pause = min(max(2*f.pause, 5*time.Millisecond), time.Second)
	switch {
	case errors.Is(err, net.ErrClosed) || sockopt.IsNoListener(err):
		return true
	case saysThatItPasses(err):
		f.same = 0
		return false
	case f.same == 0 || f.text != err.Error():
		f.text, f.same = err.Error(), 0
	}
	f.same++
	return f.same >= maxSameFailures
}

// saysThatItPasses reports whether an error is one of the system, or calls
// itself temporary.
func saysThatItPasses(err error) bool {
	var number syscall.Errno
	var temporary interface{ Temporary() bool }
	return errors.As(err, &number) || isTimeout(err) || errors.As(err, &temporary) && temporary.Temporary()
}
