// Command dc checks and prints Panda3D's DC files, and generates Go code for them.
//
//	dc check [-strict] file.dc…              says what is wrong, or a summary
//	dc print file.dc…                        prints the declarations with their numbers
//	dc hash file.dc…                         prints Panda3D's hash
//	dc generate -package p -o out.go file.dc…
//
// The files are read in the order of the arguments, as one, as Panda3D reads the list of
// files that is given to a repository.
//
// Check prints warnings for declarations that are allowed but make trouble; with
// -strict they count as errors.
//
// Generate writes constants for the numbers of classes and fields, Go types for structs
// and switches, and functions that pack, unpack, send and handle the fields without
// reflection: with HandleField in the ClientConfig of package distributed, methods of a
// program's objects are called by it. It is meant for go generate:
//
//	//go:generate go run github.com/queuednet/queuednet/cmd/dc generate -package world -o world_dc.go direct.dc world.dc
//
// The exit code is 0 if all is right, 1 if a file is wrong or cannot be read or written,
// and 2 if the command itself is wrong.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/queuednet/queuednet/distributed/dc"
)

const usage = `usage: dc check [-strict] file.dc...
       dc print file.dc...
       dc hash file.dc...
       dc generate -package name [-o out.go] file.dc...
`

// errUsage is for a command that is wrong; what is wrong has been printed.
var errUsage = errors.New("usage")

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil:
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run carries out the command.
func run(args []string, stdout, stderr io.Writer) error {
	commands := map[string]func([]string, io.Writer, io.Writer) error{
		"check": check, "print": printFiles, "hash": hash, "generate": generate,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprint(stderr, usage)
		return errUsage
	}
	return commands[args[0]](args[1:], stdout, stderr)
}

// parse reads flags and then the files that the arguments name.
func parse(flags *flag.FlagSet, args []string, stderr io.Writer) (*dc.File, error) {
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	if err := flags.Parse(args); err != nil {
		return nil, errUsage
	}
	if flags.NArg() == 0 {
		fmt.Fprintf(stderr, "dc %s: no file is named\n%s", flags.Name(), usage)
		return nil, errUsage
	}
	return dc.ParseFiles(flags.Args()...)
}

// printFiles prints the declarations.
func printFiles(args []string, stdout, stderr io.Writer) error {
	file, err := parse(flag.NewFlagSet("print", flag.ContinueOnError), args, stderr)
	if err != nil {
		return err
	}
	_, err = file.WriteTo(stdout)
	return err
}

// hash prints the hash.
func hash(args []string, stdout, stderr io.Writer) error {
	file, err := parse(flag.NewFlagSet("hash", flag.ContinueOnError), args, stderr)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "0x%08x\n", file.Hash())
	return err
}
