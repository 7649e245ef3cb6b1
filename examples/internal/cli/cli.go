// Package cli is what the examples have in common as programs: how they begin,
// how they end, and how they print what a stranger sent.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"unicode"
)

// Main runs a program and exits: with code 0, or, where it returned an error,
// with one line on stderr and code 1. Its context ends with Ctrl-C; a second
// Ctrl-C ends the process at once.
func Main(name string, run func(ctx context.Context, args []string, stdout io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // from now on Ctrl-C does what it does without us
	os.Exit(exitCode(name, run(ctx, os.Args[1:], os.Stdout), os.Stderr))
}

func exitCode(name string, err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	return 1
}

// Parse parses a program's flags, and takes no other arguments. For -h it prints
// them and returns flag.ErrHelp, which Main takes for success.
func Parse(flags *flag.FlagSet, args []string, stdout io.Writer) error {
	flags.SetOutput(io.Discard) // an error is to be one line, Main's
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stdout)
		flags.Usage()
		return err
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return nil
}

// Printable returns text that a peer sent in a form that is safe to print: it
// could otherwise forge lines, or take over the terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
