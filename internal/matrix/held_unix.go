//go:build unix

package matrix

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// hold stops a process for some time.
func hold(process *os.Process, d time.Duration) error {
	err := process.Signal(syscall.SIGSTOP)
	time.Sleep(d)
	return errors.Join(err, process.Signal(syscall.SIGCONT))
}
