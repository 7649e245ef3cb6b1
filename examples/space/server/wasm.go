package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A wasmClient is the client for browsers: a program, and the glue to run it,
// which is part of Go. Both are there once ready is closed.
type wasmClient struct {
	ready   chan struct{}
	program []byte // compressed by gzip
	size    int    // of the program as it is
	glue    []byte
	err     error
}

// newWasmClient begins to build the client, in the background. If file is not
// empty, the program is read from there instead.
func newWasmClient(file string) *wasmClient {
	c := &wasmClient{ready: make(chan struct{})}
	go func() {
		defer close(c.ready)
		begin := time.Now()
		if c.err = c.load(file); c.err != nil {
			log.Print("no client for browsers: ", c.err)
			return
		}
		log.Printf("the client for browsers is ready after %v: %.1f MB, compressed %.1f MB",
			time.Since(begin).Round(time.Second/10), float64(c.size)/1e6, float64(len(c.program))/1e6)
	}()
	return c
}

func (c *wasmClient) load(file string) (err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("the go command is needed: %w", err)
	}
	if c.glue, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js")); err != nil {
		return err
	}
	if file == "" {
		dir, err := os.MkdirTemp("", "space")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		file = filepath.Join(dir, "client.wasm")
		if err := build(file); err != nil {
			return err
		}
	}
	program, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	c.size = len(program)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(program)
	if err := z.Close(); err != nil {
		return err
	}
	c.program = b.Bytes()
	return nil
}

// build compiles the client, whose sources are beside those of the server.
func build(file string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file,
		"github.com/queuednet/queuednet/examples/space/client")
	if _, source, _, ok := runtime.Caller(0); ok && filepath.IsAbs(source) {
		cmd.Dir = filepath.Dir(source)
	}
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building it (-wasm FILE takes one that is built): %w\n%s", err, out)
	}
	return nil
}

// serveProgram waits until the program is built. A browser may wait so long, and
// the page says what it waits for.
func (c *wasmClient) serveProgram(w http.ResponseWriter, r *http.Request) {
	if !c.wait(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/wasm")
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Length", strconv.Itoa(len(c.program)))
	w.Header().Set("X-Size", strconv.Itoa(c.size)) // for the page's bar
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(c.program)
}

func (c *wasmClient) serveGlue(w http.ResponseWriter, r *http.Request) {
	if !c.wait(w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(c.glue)
}

func (c *wasmClient) wait(w http.ResponseWriter, r *http.Request) bool {
	select {
	case <-c.ready:
	case <-r.Context().Done():
		return false
	}
	if c.err != nil {
		http.Error(w, c.err.Error(), http.StatusServiceUnavailable)
		return false
	}
	return true
}
