//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"
)

// cpuTime returns what this process has used of the CPUs.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it cannot fail for this process
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// resident returns the resident memory of this process, with no garbage in it.
func resident() int {
	time.Sleep(200 * time.Millisecond) // goroutines settle
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what pools hold goes with the second
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	var kb int
	fmt.Sscan(string(rest), &kb)
	return kb << 10
}

// raiseFileLimit allows as many connections as the system does.
func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}
