//go:build unix

package cluster

import (
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// stop lets a process stand still until goOn.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGSTOP))
}

func (p *process) goOn() { p.cmd.Process.Signal(syscall.SIGCONT) }

// cpuTime is what this process has used of the processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
