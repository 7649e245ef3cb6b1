package interop_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait here. Nothing waits for long unless it is broken.
const patience = 2 * time.Minute

// findPanda3D returns the python that the programs run with. Without one the test
// is skipped, except where CI is set: there Panda3D must be.
func findPanda3D(t *testing.T) string {
	t.Helper()
	python := os.Getenv("QUEUEDNET_PYTHON")
	if python == "" {
		python = "python3"
	}
	output, err := exec.CommandContext(t.Context(), python, "-c", "import panda3d.core").CombinedOutput()
	if err == nil {
		return python
	}
	const missing = "Panda3D is not installed: make a venv, run its pip install -r interop/requirements.txt, and set QUEUEDNET_PYTHON to its python"
	switch {
	case os.Getenv("CI") != "":
		t.Fatalf("%s\n%s -c 'import panda3d.core': %v\n%s", missing, python, err, output)
	case os.Getenv("QUEUEDNET_PYTHON") != "":
		t.Fatalf("QUEUEDNET_PYTHON=%s cannot import panda3d.core: %v\n%s", python, err, output)
	}
	t.Skip(missing)
	return ""
}

// An event is a line of a Python program.
type event struct {
	Event     string
	Port      int
	ID        int
	Text      string
	Scenario  string
	Name      string
	Read      any
	Left      int
	Sent      int
	Lost      int
	Datagrams []string
	OK        bool
	Closed    bool
}

// A program is another process under test. Its lines come through a channel,
// which is closed when it has ended; the rest is for the failure message.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string
	ended chan struct{} // closed once result is set
	// result and errors are for after the end
	result error
	errors bytes.Buffer

	mu  sync.Mutex
	log []string
}

// start runs a program and kills it, if nothing else does, when the test ends.
func start(t *testing.T, name string, args ...string) *program {
	t.Helper()
	p := &program{
		t:     t,
		cmd:   exec.CommandContext(t.Context(), name, args...),
		lines: make(chan string, 4096),
		ended: make(chan struct{}),
	}
	p.cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	p.cmd.Stderr = &p.errors
	p.cmd.WaitDelay = patience
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go p.read(stdout)
	t.Cleanup(func() {
		p.kill()
		<-p.ended
	})
	return p
}

func (p *program) read(stdout io.Reader) {
	scanner := bufio.NewScanner(stdout)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		line := scanner.Text()
		p.mu.Lock()
		p.log = append(p.log, line)
		p.mu.Unlock()
		p.lines <- line
	}
	p.result = p.cmd.Wait()
	close(p.ended)
	close(p.lines)
}

// kill is SIGKILL: the program gets no chance to end well.
func (p *program) kill() { _ = p.cmd.Process.Kill() }

// fail ends the test with what the program had to say.
func (p *program) fail(format string, args ...any) {
	p.t.Helper()
	p.kill()
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.log[max(0, len(p.log)-20):]
	for i, line := range last {
		last[i] = line[:min(len(line), 400)]
	}
	p.t.Logf("%s\nended: %v\nstdout, the last lines:\n%s\nstderr:\n%s",
		strings.Join(p.cmd.Args, " "), p.result, strings.Join(last, "\n"), p.errors.String())
	p.t.Fatalf(format, args...)
}

// line returns the next line, or false at the end of the program.
func (p *program) line(awaited string) (string, bool) {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		return line, ok
	case <-time.After(patience):
		p.fail("hangs; %s was awaited", awaited)
		return "", false
	}
}

// lineWith returns the next line that has the text in it, passing over others.
func (p *program) lineWith(text string) string {
	p.t.Helper()
	for {
		line, ok := p.line(text)
		if !ok {
			p.fail("ended; a line with %q was awaited", text)
		}
		if strings.Contains(line, text) {
			return line
		}
	}
}

// await returns the next event, which must be of this name. Lines that are no
// event are Panda3D's: it prints some errors to stdout.
func (p *program) await(name string) event {
	p.t.Helper()
	for {
		line, ok := p.line(name)
		if !ok {
			p.fail("ended; the event %q was awaited", name)
		}
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		var e event
		if decoder.Decode(&e) != nil {
			continue
		}
		if e.Event != name {
			p.fail("%s; the event %q was awaited", line[:min(len(line), 400)], name)
		}
		return e
	}
}

// end waits for the program to end by itself, with exit code 0.
func (p *program) end() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.fail("does not end")
	}
	if p.result != nil {
		p.fail("%v", p.result)
	}
}

// stop closes the program's stdin, which asks it to end.
func (p *program) stop() {
	p.t.Helper()
	_ = p.stdin.Close()
	p.end()
}
