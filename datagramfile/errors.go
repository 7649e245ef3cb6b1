package datagramfile

import (
	"fmt"
	"io"
)

// A FileError says where a file or a buffer cannot be read any further, and
// why.
type FileError struct {
	Part   string // what was to be read: "header", "size" or "datagram"
	Offset int64  // where that begins, in bytes from where reading began
	Need   int64  // how many bytes it takes
	Have   int64  // how many of them were read

	// Err is io.ErrUnexpectedEOF where the file ends too early, a
	// *queuednet.DatagramTooLongError for a size that is not believed, else the
	// error of the io.Reader.
	Err error
}

// Error names the part, its offset, the bytes needed and had, and the reason.
func (e *FileError) Error() string {
	return fmt.Sprintf("datagramfile: %s at offset %d needs %d bytes, %d read: %v", e.Part, e.Offset, e.Need, e.Have, e.Err)
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// cut is the error of an io.Reader as the reason of a FileError: where a part
// is missing its end is not the end of the file as it should be.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
