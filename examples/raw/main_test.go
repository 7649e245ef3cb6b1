package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// get runs the program.
func get(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	err = run(ctx, append([]string{"-timeout", "1m"}, args...), &out)
	return out.String(), err
}

// serve serves one handler and returns its URL.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	if runtime.GOOS == "js" {
		t.Skip("there are no real sockets")
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// answer serves these bytes to whoever asks, and then closes.
func answer(t *testing.T, text string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		socket, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer socket.Close()
		io.WriteString(socket, text)
	})
}

func TestPages(t *testing.T) {
	long := strings.Repeat("0123456789", 300_000)
	for _, page := range []string{"", "a page\r\nof two lines\x00", long} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Proto != "HTTP/1.0" || r.Method != "GET" || r.RequestURI != "/dir/the%20page?a=b&c" {
				t.Errorf("asked for %s %s %s", r.Method, r.RequestURI, r.Proto)
			}
			io.WriteString(w, page)
		})
		stdout, err := get(t, "-url", url+"/dir/the page?a=b&c#part")
		if err != nil || stdout != page {
			t.Errorf("%d bytes arrive as %d, %v", len(page), len(stdout), err)
		}
	}
}

func TestHeadersAndHost(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Host", r.Host)
		io.WriteString(w, "page")
	})
	stdout, err := get(t, "-headers", "-url", url)
	host := strings.TrimPrefix(url, "http://")
	if err != nil || !strings.HasPrefix(stdout, "HTTP/1.0 200 OK\n") ||
		!strings.Contains(stdout, "X-Host: "+host+"\r\n") || !strings.HasSuffix(stdout, "\n\npage") {
		t.Errorf("%v\n%s", err, stdout)
	}
}

func TestAnswersThatAreNoPage(t *testing.T) {
	for text, want := range map[string]string{
		"HTTP/1.0 404 Not Found\r\n\r\nnothing":                     "404 Not Found",
		"HTTP/1.1 500 Bad \x1b[2J\r\n\r\n":                          "500 Bad \uFFFD[2J",
		"HTTP/1.0 301 Moved\r\nLocation: http://elsewhere/\r\n\r\n": "301 Moved, it is at http://elsewhere/",
		"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nshort":        "the page is cut off after 5 bytes: unexpected EOF",
		"HTTP/1.0 200 OK\r\nContent-":                               "not an answer of HTTP: ",
		"":                                                          "not an answer of HTTP: unexpected EOF",
		"220 mail.example ready\r\n":                                "not an answer of HTTP: malformed HTTP",
		"HTTP/1.0 200 OK\r\n\r\n" + strings.Repeat("0123456789", maxAnswer/9): "the answer is longer than",
	} {
		stdout, err := get(t, "-url", answer(t, text))
		if err == nil || !strings.HasPrefix(err.Error(), want) || stdout != "" {
			t.Errorf("%.60q: %v, stdout %q", text, err, stdout)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	silent := make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { <-silent })
	defer close(silent)
	if _, err := get(t, "-url", url, "-timeout", "200ms"); err == nil || err.Error() != "no answer within 200ms" {
		t.Error("a silent server:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if err := run(ctx, []string{"-url", url}, io.Discard); err == nil || err.Error() != "interrupted" {
		t.Error("Ctrl-C:", err)
	}

	// No server has port 1, and no other test is given it.
	if _, err := get(t, "-url", "http://127.0.0.1:1"); err == nil || !strings.HasPrefix(err.Error(), "cannot connect: ") {
		t.Error("no server:", err)
	}
}

func TestConnectionLost(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		socket, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(socket, "HTTP/1.0 200 OK\r\n\r\nhalf a pa")
		socket.(*net.TCPConn).SetLinger(0)
		socket.Close()
	})
	if stdout, err := get(t, "-url", url); err == nil || !strings.HasPrefix(err.Error(), "connection lost: ") || stdout != "" {
		t.Error("a reset:", err, stdout)
	}
}

func TestFlags(t *testing.T) {
	for _, wrong := range [][]string{
		{"-url", ""}, {"-url", "example.com"}, {"-url", "https://127.0.0.1/"}, {"-url", "http:///page"}, {"-url", "http://h:x/"},
		{"-url", "http://h:0/"}, {"-url", "http://h:65536/"}, {"-url", "http://h\n/"}, {"-url", "http://a b/"},
		{"-timeout", "0"}, {"-timeout", "-1s"}, {"-unknown"}, {"more"},
	} {
		if stdout, err := get(t, wrong...); err == nil || stdout != "" || strings.Contains(err.Error(), "\n") {
			t.Error(wrong, "is accepted, or the error is not one line:", err)
		}
	}
	stdout, err := get(t, "-h")
	if !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
	for _, documented := range []string{"-url", "-timeout", "-headers"} {
		if !strings.Contains(stdout, documented) {
			t.Error(documented, "is not in the help")
		}
	}
	if page, port, err := parse("http://[::1]/x"); err != nil || port != 80 || page.Hostname() != "::1" {
		t.Error(page, port, err)
	}
}

// The program ends with code 0 or, after one line on stderr, with 1.
func TestExitCodes(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/page" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "page")
	})
	binary := filepath.Join(t.TempDir(), "raw.exe")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, test := range []struct {
		path, stdout, stderr string
		code                 int
	}{
		{"/page", "page", "", 0},
		{"/other", "", "raw: 404 Not Found\n", 1},
	} {
		cmd := exec.CommandContext(t.Context(), binary, "-url", url+test.path)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run() // fails for exit code 1, too
		if code := cmd.ProcessState.ExitCode(); code != test.code || stdout.String() != test.stdout || stderr.String() != test.stderr {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", test.path, code, &stdout, &stderr)
		}
	}
}
