package main

import (
	"flag"
	"fmt"
	"io"

	"github.com/queuednet/queuednet/distributed/dc"
)

// check prints a summary, or what is wrong.
func check(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	strict := flags.Bool("strict", false, "")
	file, err := parse(flags, args, stderr)
	if err != nil {
		return err
	}
	warnings := warn(file)
	for _, w := range warnings {
		fmt.Fprintln(stderr, "warning:", w)
	}
	if *strict && len(warnings) > 0 {
		return fmt.Errorf("dc check: %d warnings", len(warnings))
	}
	classes, structs := 0, 0
	for _, c := range file.Classes() {
		if c.IsStruct() {
			structs++
		} else {
			classes++
		}
	}
	_, err = fmt.Fprintf(stdout, "%d classes, %d structs, %d fields, hash 0x%08x\n", classes, structs, file.NumFields(), file.Hash())
	return err
}

// warn returns what is allowed but makes trouble.
func warn(file *dc.File) []string {
	var warnings []string
	for i := range file.NumFields() {
		f := file.FieldByNumber(i)
		name := f.Name()
		if f.Class().Name() != "" {
			name = f.Class().Name() + "." + name
		}
		add := func(format string, args ...any) {
			warnings = append(warnings, name+" "+fmt.Sprintf(format, args...))
		}
		if f.IsRequired() && !f.IsBroadcast() && f.Kind() != dc.Molecular {
			add("is required but not broadcast: Panda3D's clients misread the object when it appears")
		}
		if f.IsP2P() && (f.IsBroadcast() || f.IsReflect()) {
			add("is p2p, so that broadcast and reflect have no effect: its updates go to the owner only")
		}
		value, err := f.Default()
		if err != nil {
			add("has no default value: %v", err)
			continue
		}
		if n, err := f.Validate(value); err != nil {
			add("has a default value that cannot be unpacked: %v", err)
		} else if n != len(value) {
			add("has a default value with %d bytes too many", len(value)-n)
		}
	}
	return warnings
}
