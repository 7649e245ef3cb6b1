package attack

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/queuednet/queuednet/internal/testmode"
)

var (
	alone = flag.Bool("alone", false, "nothing else runs: assert also what is measured, with larger numbers")
	long  = flag.Bool("long", false, "run the attacks at full length, alone, and print a table")
)

// The test binary is three programs: the tests, with the bystander; the server
// under attack; and the attacker. The last two are told by these what to be.
const (
	roleVariable   = "QUEUEDNET_ATTACK_ROLE"
	attackVariable = "QUEUEDNET_ATTACK"
	targetVariable = "QUEUEDNET_ATTACK_TARGET"
)

func TestMain(m *testing.M) {
	flag.Parse()
	attacks = allAttacks()
	role := os.Getenv(roleVariable)
	if role != "attacker" && measured() {
		prioritize(-15) // what else the machine does is no attack; where not permitted the figures are noisier
	}
	if role == "" {
		if inNamespace() {
			enterNamespace()
		}
		code := m.Run()
		if len(results) > 0 && *long && !inNamespace() {
			fmt.Print(table())
		}
		os.Exit(code)
	}
	i := slices.IndexFunc(attacks, func(a *attack) bool { return a.name == os.Getenv(attackVariable) })
	if role == "server" {
		serve(attacks[i])
	} else {
		assault(attacks[i], os.Getenv(targetVariable))
	}
}

// A program is a process of this binary in another role.
type program struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// start starts a program, which is killed with the test if it has not ended.
func start(t *testing.T, role string, a *attack, target string) *program {
	t.Helper()
	executable, err := os.Executable()
	check(err)
	p := &program{cmd: exec.Command(executable, forms()...)}
	p.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", roleVariable+"="+role, attackVariable+"="+a.name, targetVariable+"="+target)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.stdin, err = p.cmd.StdinPipe()
	check(err)
	stdout, err := p.cmd.StdoutPipe()
	check(err)
	p.stdout = bufio.NewReader(stdout)
	check(p.cmd.Start())
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	return p
}

// told reads what the program says next.
func told[T any](t *testing.T, p *program, patience time.Duration) (said T) {
	t.Helper()
	timer := time.AfterFunc(patience, func() { p.cmd.Process.Signal(syscall.SIGQUIT) })
	defer timer.Stop()
	line, err := p.stdout.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err != nil {
		t.Fatalf("%s of %s said nothing: %v, %v", p.cmd.Env[len(p.cmd.Env)-3], t.Name(), err, p.cmd.Wait())
	}
	return said
}

// tell says something to the process that started this one.
func tell(what any) {
	line, err := json.Marshal(what)
	check(err)
	_, err = os.Stdout.Write(append(line, '\n'))
	check(err)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// measured reports whether times and memory are asserted. The race detector costs so
// much of both that they mean nothing under it.
func measured() bool { return (*alone || *long) && !testmode.Race }

// forms are the flags that another process of this binary gets.
func forms() []string {
	return []string{fmt.Sprintf("-alone=%t", *alone), fmt.Sprintf("-long=%t", *long)}
}

// pick returns the number for the form of the run. Where nothing is measured
// the short one is made smaller, but not smaller than 10.
func pick[T int | time.Duration](short, full T) T {
	switch {
	case *long:
		return full
	case !measured() && short > 0:
		return max(min(short, 10), short/4)
	default:
		return short
	}
}

// results are the figures of the attacks that have been run.
var results []result

type result struct {
	Attack        string
	Without, With time.Duration // the bystander's p99
	Memory, Bound int64
	CPU           time.Duration // of the longest frame, processor time
	Machine       time.Duration // what the machine added to a frame that computes: see control
	Busy          time.Duration // of the longest frame, time without that in which the system had no processor for it
	Wall          time.Duration
	UsualCPU      time.Duration // the same of 99 in 100 frames
	UsualBusy     time.Duration
	Common        time.Duration // what the machine added to one in a hundred
	Tries         int
	Connections   int
	Ends          int
	Datagrams     int
	Lost          int
}

// table formats the results in Markdown.
func table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, %s/%s, %d processors, %s\n\n", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	b.WriteString("| attack | bystander p99 without / with | peak memory (bound) | 99 of 100 frames: processor, with waiting | longest frame: processor (added by the machine), with waiting, wall | connections | ends | datagrams | lost | tries |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %.1f / %.1f ms | %.0f MiB (%.0f) | %.2f, %.2f ms | %.2f (%.2f), %.2f, %.2f ms | %d | %d | %d | %d | %d |\n",
			r.Attack, ms(r.Without), ms(r.With), mib(r.Memory), mib(r.Bound), ms(r.UsualCPU), ms(r.UsualBusy), ms(r.CPU), ms(r.Machine), ms(r.Busy), ms(r.Wall),
			r.Connections, r.Ends, r.Datagrams, r.Lost, r.Tries)
	}
	return b.String()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func mib(n int64) float64        { return float64(n) / (1 << 20) }
