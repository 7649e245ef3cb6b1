package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/queuednet/queuednet/examples/internal/cli"
)

// A panda is client.py in a process of its own.
type panda struct {
	cmd  *exec.Cmd
	dir  string
	done chan bool
}

// startPanda starts client.py, and returns nil where that cannot be. It prints what the
// program says.
func startPanda(ctx context.Context, python string, port int, stdout io.Writer) *panda {
	if exec.CommandContext(ctx, python, "-c", "import direct.showbase, panda3d.core").Run() != nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "distributed")
	if err != nil {
		return nil
	}
	p := &panda{dir: dir, done: make(chan bool)}
	for name, text := range map[string][]byte{"client.py": clientPy, "world.dc": worldDC} {
		if os.WriteFile(filepath.Join(dir, name), text, 0o600) != nil {
			os.RemoveAll(dir)
			return nil
		}
	}
	p.cmd = exec.CommandContext(ctx, python, filepath.Join(dir, "client.py"), strconv.Itoa(port))
	output, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil
	}
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			fmt.Fprintln(stdout, cli.Printable(lines.Text()))
		}
	}()
	return p
}

// end ends the program.
func (p *panda) end() {
	_ = p.cmd.Process.Kill()
	<-p.done
	_ = p.cmd.Wait()
	os.RemoveAll(p.dir)
}
