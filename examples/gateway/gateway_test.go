//go:build unix

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds a wait for something that is to happen. It is reached only
// where something is broken.
const patience = time.Minute

var buildFlags = []string{"build"}

// compiled is the program, which each test gets a copy of.
var compiled = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "gateway")
	if output, err := exec.Command("go", append(buildFlags, "-o", binary, ".")...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, output)
	}
	return os.ReadFile(binary)
})

// build puts the program to a place of the test's own.
func build(t *testing.T) string {
	t.Helper()
	program, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "gateway")
	if err := os.WriteFile(binary, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return binary
}

// A process is a gateway that runs, with the log of it and of its successors.
type process struct {
	t               *testing.T
	cmd             *exec.Cmd
	players, health string

	mu      sync.Mutex
	log     []string
	changed chan struct{}
}

// launch starts a gateway and waits until it serves.
func launch(t *testing.T, binary string, env []string, args ...string) *process {
	t.Helper()
	p := begin(t, binary, nil, env, append([]string{"-address", "127.0.0.1:0", "-health", "127.0.0.1:0"}, args...)...)
	line := p.await("msg=serving")
	p.players, p.health = field(line, "players"), field(line, "health")
	return p
}

func begin(t *testing.T, binary string, inherited []*os.File, env []string, args ...string) *process {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(binary, args...), changed: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.ExtraFiles = inherited
	p.cmd.Stderr = write
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	go p.read(read)
	return p
}

func (p *process) read(from *os.File) {
	defer from.Close()
	for lines := bufio.NewScanner(from); lines.Scan(); {
		p.mu.Lock()
		p.log = append(p.log, lines.Text())
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// await waits for a line of the log that has all of some parts.
func (p *process) await(parts ...string) string {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		changed, log := p.changed, p.log
		p.mu.Unlock()
		for _, line := range log {
			if containsAll(line, parts) {
				return line
			}
		}
		select {
		case <-changed:
		case <-deadline:
			p.t.Fatalf("no line with %q in\n%s", parts, strings.Join(log, "\n"))
		}
	}
}

func containsAll(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}

func field(line, name string) string {
	if match := regexp.MustCompile(` ` + name + `=(\S+)`).FindStringSubmatch(line); match != nil {
		return match[1]
	}
	return ""
}

func kill(t *testing.T, pid string, signal syscall.Signal) {
	t.Helper()
	number, err := strconv.Atoi(pid)
	if err == nil {
		err = syscall.Kill(number, signal)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func (p *process) pid() string { return fmt.Sprint(p.cmd.Process.Pid) }

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// ends waits for the end of the process that was launched.
func (p *process) ends() {
	p.t.Helper()
	killed := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer killed.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("it ended with %v; the log is\n%s", err, strings.Join(p.log, "\n"))
	}
}

// code asks a health endpoint.
func (p *process) code(path string) int {
	p.t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + p.health + path)
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// A player is a client, whose connection begins with a proxy's line, perhaps.
type player struct {
	socket net.Conn
	in     *bufio.Reader
}

func connect(address, proxyLine string) (*player, error) {
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	socket.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(socket, proxyLine); err != nil {
		return nil, err
	}
	return &player{socket, bufio.NewReader(socket)}, nil
}

func (p *player) say(text string) error {
	message := append([]byte{byte(len(text) + 3), 0, msgText, byte(len(text)), 0}, text...)
	_, err := p.socket.Write(message)
	return err
}

func (p *player) hear() (string, error) {
	var length [2]byte
	if _, err := io.ReadFull(p.in, length[:]); err != nil {
		return "", err
	}
	message := make([]byte, binary.LittleEndian.Uint16(length[:]))
	if _, err := io.ReadFull(p.in, message); err != nil {
		return "", err
	}
	return string(message[3:]), nil
}

// ask says something, takes the answer, and returns the process that it came from.
func (p *player) ask(text string) (pid string, err error) {
	if err := p.say(text); err != nil {
		return "", err
	}
	answer, err := p.hear()
	pid, said, _ := strings.Cut(answer, ": ")
	if err == nil && said != text {
		err = fmt.Errorf("the answer to %q is %q", text, answer)
	}
	return pid, err
}

// join connects a player who is welcomed. It is to say something soon: see -hello.
func join(address, proxyLine string) (*player, string, error) {
	p, err := connect(address, proxyLine)
	if err != nil {
		return nil, "", err
	}
	welcome, err := p.hear()
	return p, welcome, err
}

// mustJoin connects a player who is welcomed, and has said something.
func mustJoin(t *testing.T, address, proxyLine string) (p *player, welcome string) {
	t.Helper()
	p, welcome, err := join(address, proxyLine)
	if err == nil {
		t.Cleanup(func() { p.socket.Close() })
		_, err = p.ask("hello")
	}
	if err != nil {
		t.Fatal(err)
	}
	return p, welcome
}
