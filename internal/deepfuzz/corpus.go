package deepfuzz

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// The format of a file in testdata/fuzz: a line for each argument, as Go source.
const corpusHeader = "go test fuzz v1"

func marshal(input []any) []byte {
	var b bytes.Buffer
	b.WriteString(corpusHeader + "\n")
	for _, value := range input {
		switch value := value.(type) {
		case []byte:
			fmt.Fprintf(&b, "[]byte(%q)\n", value)
		case string:
			fmt.Fprintf(&b, "string(%q)\n", value)
		case uint8:
			fmt.Fprintf(&b, "byte(%q)\n", value)
		default:
			fmt.Fprintf(&b, "%T(%v)\n", value, value)
		}
	}
	return b.Bytes()
}

// unmarshal parses a file for arguments of these types, which begin with *testing.T.
func unmarshal(b []byte, check reflect.Type) ([]any, error) {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if lines[0] != corpusHeader || len(lines) != check.NumIn() {
		return nil, fmt.Errorf("not %d arguments after %q", check.NumIn()-1, corpusHeader)
	}
	var input []any
	for i, line := range lines[1:] {
		_, literal, ok := strings.Cut(strings.TrimSuffix(strings.TrimSpace(line), ")"), "(")
		if !ok {
			return nil, fmt.Errorf("%s: no value", line)
		}
		value := reflect.New(check.In(i + 1)).Elem()
		if err := set(value, literal); err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		input = append(input, value.Interface())
	}
	return input, nil
}

func set(value reflect.Value, literal string) error {
	switch kind := value.Kind(); kind {
	case reflect.Bool:
		b, err := strconv.ParseBool(literal)
		value.SetBool(b)
		return err
	case reflect.Slice, reflect.String:
		text, err := strconv.Unquote(literal)
		value.Set(reflect.ValueOf(text).Convert(value.Type()))
		return err
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		if strings.HasPrefix(literal, "'") {
			r, _, _, err := strconv.UnquoteChar(literal[1:], '\'')
			value.SetUint(uint64(r))
			return err
		}
		n, err := strconv.ParseUint(literal, 0, value.Type().Bits())
		value.SetUint(n)
		return err
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		n, err := strconv.ParseInt(literal, 0, value.Type().Bits())
		value.SetInt(n)
		return err
	default:
		return fmt.Errorf("a %v is not supported", kind)
	}
}

// readCorpus returns the inputs in a directory, none if it is not there.
func readCorpus(dir string, check reflect.Type) (corpus [][]any, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		input, err := unmarshal(b, check)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		corpus = append(corpus, input)
	}
	return corpus, err
}

// writeCorpus adds an input to a directory, under a name that follows from it.
func writeCorpus(dir string, input []any) (path string, err error) {
	b := marshal(input)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	path = filepath.Join(dir, fmt.Sprintf("%x", sha256.Sum256(b))[:16])
	return path, os.WriteFile(path, b, 0o666)
}
