// Command raw fetches a page over HTTP/1.0. It shows raw mode, in which reader
// and writer carry the plain bytes of another protocol instead of datagrams,
// and a loop that never waits: it could draw a picture in each frame while the
// page is on its way.
//
//	go run ./examples/raw [-url http://127.0.0.1:8000/] [-timeout 10s] [-headers]
//
// The page goes to stdout. Whatever is wrong, also an answer other than 2xx, is
// one line on stderr and exit code 1. It follows no redirection and speaks no
// HTTPS.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/internal/cli"
	"github.com/queuednet/queuednet/examples/internal/task"
)

func main() { cli.Main("raw", run) }

const (
	frameRate = 60

	// A server that sends on and on must not fill the memory.
	maxAnswer = 16 << 20
)

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("raw", flag.ContinueOnError)
	address := flags.String("url", "http://127.0.0.1:8000/", "the `URL` of the page, http only")
	timeout := flags.Duration("timeout", 10*time.Second, "how long it may take altogether")
	headers := flags.Bool("headers", false, "print the status and the headers, too")
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	if *timeout <= 0 {
		return fmt.Errorf("-timeout cannot be %v", *timeout)
	}
	page, port, err := parse(*address)
	if err != nil {
		return fmt.Errorf("-url: %w", err)
	}

	errTimeout := fmt.Errorf("no answer within %v", *timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, errTimeout)
	defer cancel()
	answer, err := fetch(ctx, page, port, *timeout)
	switch {
	case context.Cause(ctx) == errTimeout:
		return errTimeout
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return err
	}
	return show(answer, *headers, stdout)
}

// parse takes a URL apart.
func parse(address string) (page *url.URL, port int, err error) {
	page, err = url.Parse(address)
	switch {
	case err != nil:
		return nil, 0, err
	case page.Scheme != "http":
		return nil, 0, fmt.Errorf("%q is not http://…", address)
	case page.Hostname() == "":
		return nil, 0, fmt.Errorf("%q has no host", address)
	case page.Port() == "":
		return page, 80, nil
	}
	port, err = strconv.Atoi(page.Port())
	if err != nil || port < 1 || port > 65535 {
		return nil, 0, fmt.Errorf("%q has no valid port", address)
	}
	return page, port, nil
}

// A fetcher is a fetch under way.
type fetcher struct {
	manager *queuednet.QueuedConnectionManager
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
	page    *url.URL
	pending *queuednet.PendingConnection

	answer []byte
	err    error
}

// fetch returns all that the server answers.
func fetch(ctx context.Context, page *url.URL, port int, timeout time.Duration) ([]byte, error) {
	// Whoever has given up does not wait for the server's end of the connection.
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{CloseTimeout: -1})
	defer manager.Close()
	f := &fetcher{
		manager: manager,
		reader:  queuednet.NewQueuedConnectionReader(manager),
		writer:  queuednet.NewConnectionWriter(manager),
		page:    page,
		pending: manager.BeginTCPClientConnection(page.Hostname(), port, timeout),
	}
	defer f.pending.Cancel()
	f.reader.SetRawMode(true)
	f.writer.SetRawMode(true)

	var frame task.Manager
	frame.Add(f.connect, "ask when connected", 0)
	frame.Add(f.read, "take what has arrived", 1)
	frame.Add(f.finish, "notice the end", 2)
	frame.Run(ctx, frameRate)
	return f.answer, f.err
}

// connect asks for the page as soon as there is a connection.
func (f *fetcher) connect() task.Result {
	if f.pending == nil || !f.pending.Ready() {
		return task.Cont
	}
	conn, err := f.pending.Result()
	if err != nil {
		return f.fail(fmt.Errorf("cannot connect: %w", err))
	}
	if err := f.reader.AddConnection(conn); err != nil {
		return f.fail(err)
	}
	request := fmt.Sprintf("GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", f.page.RequestURI(), f.page.Host)
	if err := f.writer.Send(queuednet.NewDatagram([]byte(request)), conn); err != nil {
		return f.fail(err)
	}
	f.pending = nil
	return task.Cont
}

// read takes what has arrived. Where one datagram ends and the next one begins
// means nothing in raw mode.
func (f *fetcher) read() task.Result {
	for datagram := range f.reader.Datagrams() {
		f.answer = append(f.answer, datagram.Message()...)
	}
	if len(f.answer) > maxAnswer {
		return f.fail(fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	}
	return task.Cont
}

// finish ends the loop when the server has closed the connection, which is how
// HTTP/1.0 marks the end. All that came before has been read by then.
func (f *fetcher) finish() task.Result {
	conn, ok := f.manager.GetResetConnection()
	if !ok {
		return task.Cont
	}
	if conn.Err() != io.EOF {
		return f.fail(fmt.Errorf("connection lost: %w", conn.Err()))
	}
	return task.Done
}

func (f *fetcher) fail(err error) task.Result {
	f.err = err
	return task.Done
}

// show prints a page, if it is one.
func show(answer []byte, headers bool, stdout io.Writer) error {
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	if err != nil {
		return fmt.Errorf("not an answer of HTTP: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		status := cli.Printable(response.Status)
		if to := response.Header.Get("Location"); to != "" {
			status += ", it is at " + cli.Printable(to)
		}
		return errors.New(status)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("the page is cut off after %d bytes: %w", len(body), err)
	}
	if headers {
		fmt.Fprintf(stdout, "%s %s\n", response.Proto, response.Status)
		if err := response.Header.Write(stdout); err != nil {
			return err
		}
		fmt.Fprintln(stdout)
	}
	_, err = stdout.Write(body)
	return err
}
