package load

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Client is the process of the clients, seen from the server's.
type Client struct {
	process *exec.Cmd
	input   io.WriteCloser
	output  *json.Decoder
}

// Variable is the environment variable with the Spec that makes this program
// be Main.
const Variable = "QUEUEDNET_BENCHMARK_LOAD"

// Start starts the process, which is this program again. It connects; Ready
// tells when it has.
func Start(spec Spec) (*Client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	process := exec.Command(self)
	process.Env = append(os.Environ(), Variable+"="+string(encoded))
	process.Stderr = os.Stderr
	input, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	return &Client{process, input, json.NewDecoder(output)}, nil
}

// Tell gives a command.
func (c *Client) Tell(command ...any) error {
	_, err := fmt.Fprintln(c.input, command...)
	return err
}

// Answer waits for the report that the process gives when it has connected, and
// after each command but Go.
func (c *Client) Answer() (report Report, err error) {
	if err := c.output.Decode(&report); err != nil {
		return report, fmt.Errorf("the load generator has ended: %w", err)
	}
	return report, nil
}

// Close ends the process.
func (c *Client) Close() {
	c.input.Close()
	c.process.Process.Kill()
	c.process.Wait()
}
