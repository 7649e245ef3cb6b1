package dc

import (
	"fmt"
	"os"
)

// A Source is the text of a DC file, and the name to call it by in errors.
type Source struct {
	Name string
	Text []byte
}

// Parse reads one DC file. The error of a wrong file is an [*Error].
func Parse(name string, text []byte) (*File, error) {
	return ParseSources(Source{Name: name, Text: text})
}

// MustParse is ParseSources for texts that are known to be right, such as those
// that the dc command puts into generated code. It panics if there is an error.
func MustParse(sources ...Source) *File {
	file, err := ParseSources(sources...)
	if err != nil {
		panic(err)
	}
	return file
}

// ParseFiles reads DC files from disk, in the order of the arguments, as one: class and
// field numbers go on from one file to the next, and a file may use what stands in an
// earlier one. The error of a wrong file is an [*Error], that of one that cannot be read
// an *fs.PathError.
//
// Panda3D reads the files of its configuration variable dc-file in the order of the
// configuration, last one first, and those given to a repository in the order of the list.
func ParseFiles(paths ...string) (*File, error) {
	sources := make([]Source, 0, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("dc: %w", err)
		}
		sources = append(sources, Source{Name: path, Text: text})
	}
	return ParseSources(sources...)
}
