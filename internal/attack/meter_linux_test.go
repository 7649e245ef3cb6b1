package attack

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// A meter measures a piece of each frame of a loop that is locked to its thread,
// three ways. The wall time is what a program feels, but on a machine that is
// shared with the attackers most of a long one is the system's: the thread was
// ready, and had no processor. That share is told by the system and taken off:
// busy is the time that the calls needed, waiting for anything included. cpu
// is what the thread used; it shows work where busy shows waiting.
type meter struct {
	schedstat            int
	since                reading
	walls, busies, usage []time.Duration
}

// A reading is what the three clocks show.
type reading struct{ wall, busy, cpu time.Duration }

func newMeter() *meter {
	fd, err := syscall.Open(fmt.Sprintf("/proc/self/task/%d/schedstat", syscall.Gettid()), syscall.O_RDONLY, 0)
	check(err)
	return &meter{schedstat: fd}
}

func (m *meter) close() { syscall.Close(m.schedstat) }

var epoch = time.Now()

func (m *meter) read() reading {
	ready, cpu, wall := m.runDelay(), threadTime(), time.Since(epoch)
	return reading{wall, wall - ready, cpu}
}

func (m *meter) begin() { m.since = m.read() }

// end records what has been since begin.
func (m *meter) end() {
	now := m.read()
	m.walls = append(m.walls, now.wall-m.since.wall)
	m.busies = append(m.busies, max(now.busy-m.since.busy, 0))
	m.usage = append(m.usage, now.cpu-m.since.cpu)
}

// exclude does some of the program's own work, which only counts as wall time.
func (m *meter) exclude(work func()) {
	before := m.read()
	work()
	after := m.read()
	m.since.busy += after.busy - before.busy
	m.since.cpu += after.cpu - before.cpu
}

// runDelay is how long the thread has been ready without a processor. The
// system call is raw, so that the runtime does not give the thread's place away.
func (m *meter) runDelay() time.Duration {
	var b [64]byte
	n, _, errno := syscall.RawSyscall6(syscall.SYS_PREAD64, uintptr(m.schedstat), uintptr(unsafe.Pointer(&b)), uintptr(len(b)), 0, 0, 0)
	if errno != 0 {
		panic(errno)
	}
	delay, err := strconv.ParseInt(string(bytes.Fields(b[:n])[1]), 10, 64)
	check(err)
	return time.Duration(delay)
}

// threadTime is the processor time of this thread.
func threadTime() time.Duration {
	const clockThread = 3 // CLOCK_THREAD_CPUTIME_ID
	var t syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThread, uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		panic(errno)
	}
	return time.Duration(t.Nano())
}

// processTime is the processor time of this process.
func processTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// heldMemory is what the runtime has of the system, used or not. It shows what
// has been allocated and never touched, which the system does not count.
func heldMemory() int64 {
	metrics.Read(memoryMetrics)
	return int64(memoryMetrics[0].Value.Uint64() - memoryMetrics[1].Value.Uint64())
}

var memoryMetrics = []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}

// residentMemory is the most that this process has had in memory.
func residentMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	kb, err := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
	check(err)
	return kb << 10
}

// openFiles is how many descriptors this process has.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	check(err)
	return len(entries)
}

// prioritize sets how nice this process is, all its threads; less than 0 is
// not permitted to everybody.
func prioritize(nice int) error {
	threads, err := os.ReadDir("/proc/self/task")
	for _, thread := range threads {
		id, _ := strconv.Atoi(thread.Name())
		err = errors.Join(err, syscall.Setpriority(syscall.PRIO_PROCESS, id, nice))
	}
	return err
}

// percentile returns the value that the share p of values does not exceed.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	return values[min(int(p*float64(len(values))), len(values)-1)]
}

// usual is the most that 99 of 100 frames took, 0 of too few to tell.
func usual(frames []time.Duration) time.Duration {
	if len(frames) <= 100 {
		return 0
	}
	return percentile(frames, 0.99)
}

// settledGoroutines counts goroutines once those that are ending have ended.
func settledGoroutines(most int) int {
	for range 6000 {
		if runtime.NumGoroutine() <= most {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return runtime.NumGoroutine()
}
