package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"
)

// plain is the interface for scripts and for those who like it so: a line in is
// sent, a line out has come. What is typed before there is a connection waits
// for it. The end of in is /quit.
func plain(ctx context.Context, c *client, in io.Reader, out io.Writer) error {
	typed := make(chan string)
	go read(ctx, in, typed)
	frames := time.NewTicker(time.Second / 60)
	defer frames.Stop()
	for !c.over {
		for _, line := range c.frame(time.Now()) {
			fmt.Fprintln(out, line.plain())
		}
		next := typed
		if !c.online {
			next = nil // not yet
		}
		select {
		case text, more := <-next:
			if !more {
				text, typed = "/quit", nil
			}
			c.enter(text, time.Now())
		case <-frames.C:
		case <-ctx.Done():
			c.quit()
		}
	}
	for _, line := range c.lines {
		fmt.Fprintln(out, line.plain())
	}
	if err := c.close(); err != nil && c.fault == nil {
		return err
	}
	return c.fault
}

// read hands over the lines that are typed. A read of a terminal cannot be ended:
// the goroutine stays until the program ends, or until the next line.
func read(ctx context.Context, in io.Reader, typed chan<- string) {
	defer close(typed)
	lines := bufio.NewReader(in)
	for {
		text, err := lines.ReadString('\n')
		if text != "" {
			select {
			case typed <- text:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// plain returns a line as text.
func (l line) plain() string {
	switch l.kind {
	case saidLine:
		return "<" + l.name + "> " + l.text
	case eventLine:
		return "* " + l.text
	case answerLine:
		return "= " + l.text
	case failureLine:
		return "! " + l.text
	}
	return "- " + l.text
}
