package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A server is a server of distributed objects in a process of its own.
type server struct {
	address string
	command *exec.Cmd
	stdin   io.WriteCloser
	stderr  strings.Builder
	ended   chan struct{}
}

// A kind is a kind of server.
type kind struct {
	name  string
	about string
	args  func(b *bench, port string) (name string, args []string)
	env   []string
	most  int // clients; 0 if there is no bound
}

// Panda3D waits with select, and dies over 1,024 descriptors.
const mostPanda = 1000

var kinds = []kind{
	{
		name: "Panda3D", about: "Panda3D's `ServerRepository`, polled", most: mostPanda,
		args: func(b *bench, port string) (string, []string) {
			return b.python, []string{b.file("server.py"), "polled", port, b.file("world.dc")}
		},
	},
	{
		name: "Panda3D, threaded", about: "the same with `threadedNet=True`, as Panda3D's samples have it", most: mostPanda,
		args: func(b *bench, port string) (string, []string) {
			return b.python, []string{b.file("server.py"), "threaded", port, b.file("world.dc")}
		},
	},
	{
		name: "pandaserver", about: "`cmd/pandaserver` as it comes: frames of at least 1 ms",
		args: pandaserver("1ms"),
	},
	{
		name: "pandaserver, 16 ms", about: "the same with `-frame 16ms`: more updates in each write, and some 8 ms later",
		args: pandaserver("16ms"),
	},
	{
		name: "one core", about: "`pandaserver -frame 16ms` with `GOMAXPROCS=1`",
		args: pandaserver("16ms"), env: []string{"GOMAXPROCS=1"},
	},
}

func pandaserver(frame string) func(*bench, string) (string, []string) {
	return func(b *bench, port string) (string, []string) {
		return b.file("pandaserver"), []string{"-address", "127.0.0.1", "-port", port, "-frame", frame, b.file("world.dc")}
	}
}

// start starts a server and waits until it listens.
func (b *bench) start(k kind) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{address: net.JoinHostPort("127.0.0.1", port), ended: make(chan struct{})}
	name, args := k.args(b, port)
	s.command = exec.Command(name, args...)
	s.command.Env = append(os.Environ(), k.env...)
	s.command.Stderr = &s.stderr
	if s.stdin, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.command.Wait()
		close(s.ended)
	}()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			conn.Close()
			return s, nil
		}
		if time.Now().After(deadline) || s.hasEnded() {
			s.stop()
			return nil, fmt.Errorf("%s did not start: %w: %s", k.name, err, s.stderr.String())
		}
	}
}

func (s *server) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *server) stop() {
	s.stdin.Close()
	_ = s.command.Process.Kill()
	<-s.ended
}

// cpu returns the processor time that the server has used, of all its threads.
func (s *server) cpu() (time.Duration, error) {
	return processTime(strconv.Itoa(s.command.Process.Pid))
}

// processTime reads the processor time of a process, in ticks of 10 ms.
func processTime(pid string) (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, fmt.Errorf("processor time is measured on Linux only: %w", err)
	}
	_, after, _ := strings.Cut(string(text), ") ") // behind the name of the program
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("/proc has no processor time")
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// freePort returns a port that was free a moment ago.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// A bench has what the servers need: files, and where Python is.
type bench struct {
	dir    string
	python string // "" without Panda3D
	panda  string // its version
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// newBench builds pandaserver, and looks for Panda3D.
func newBench() (*bench, error) {
	dir, err := os.MkdirTemp("", "distributed")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir}
	for name, text := range map[string][]byte{"server.py": serverPy, "world.dc": worldDC} {
		if err := os.WriteFile(b.file(name), text, 0o600); err != nil {
			return nil, err
		}
	}
	build := exec.Command("go", "build", "-o", b.file("pandaserver"), "github.com/queuednet/queuednet/cmd/pandaserver")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w: %s", err, output)
	}
	b.findPanda()
	return b, nil
}

func (b *bench) findPanda() {
	python := os.Getenv("QUEUEDNET_PYTHON")
	if python == "" {
		python = "python3"
	}
	output, err := exec.Command(python, "-c", "import direct.distributed, panda3d.core as p; print(p.PandaSystem.getVersionString())").Output()
	if err != nil {
		return
	}
	b.python = python
	lines := bufio.NewScanner(strings.NewReader(string(output)))
	for lines.Scan() {
		b.panda = lines.Text()
	}
}
