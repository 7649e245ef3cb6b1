//go:build unix

package sockopt

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each number is of one kind, also inside other errors.
func TestErrors(t *testing.T) {
	kinds := map[string]func(error) bool{"no answer": IsNoAnswer, "reset": IsReset, "no listener": IsNoListener}
	for errno, want := range map[syscall.Errno]string{
		syscall.ETIMEDOUT: "no answer", syscall.EHOSTUNREACH: "no answer", syscall.ENETUNREACH: "no answer", errHostDown: "no answer",
		syscall.ECONNRESET: "reset", syscall.ECONNABORTED: "reset", syscall.EPIPE: "reset",
		syscall.EBADF: "no listener", syscall.EINVAL: "no listener", syscall.ENOTSOCK: "no listener",
		syscall.EAGAIN: "", syscall.EMFILE: "",
	} {
		for kind, is := range kinds {
			assert.Equal(t, kind == want, is(fmt.Errorf("it failed: %w", os.NewSyscallError("read", errno))), "%v as %s", errno, kind)
		}
	}
	for kind, is := range kinds {
		assert.False(t, is(io.EOF), kind)
		assert.False(t, is(errors.ErrUnsupported), kind)
		assert.False(t, is(nil), kind)
	}
}
