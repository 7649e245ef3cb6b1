package datagramfile

import (
	"bufio"
	"io"

	"github.com/queuednet/queuednet"
)

// fileBuffer is what a file holds back before it writes, and reads ahead.
const fileBuffer = 64 << 10

// A DatagramOutputFile writes datagrams to an io.Writer in the format of the
// package documentation. It holds back up to 64 KiB: call Flush at the end, and
// whenever the datagrams must survive the program. It does not close the
// writer.
//
// It is not safe for use by several goroutines at once. It is Panda3D's
// DatagramOutputFile.
type DatagramOutputFile struct {
	w       *bufio.Writer
	below   io.Writer
	size    [maxSizeSize]byte
	started bool // the first datagram has been put
}

// NewDatagramOutputFile returns a file that is written to w, such as an
// *os.File or a *gzip.Writer. It is Panda3D's open.
func NewDatagramOutputFile(w io.Writer) *DatagramOutputFile {
	return &DatagramOutputFile{w: bufio.NewWriterSize(w, fileBuffer), below: w}
}

// WriteHeader writes the bytes as they are, with no size before them. It may be
// called several times, and fails after the first datagram. Otherwise it fails, and
// BLOCKS, as PutDatagram does. It is Panda3D's write_header.
func (f *DatagramOutputFile) WriteHeader(header []byte) error {
	if f.started {
		return errHeaderIsLate
	}
	_, err := f.w.Write(header)
	return err
}

// PutDatagram writes a datagram. It fails with the datagram's own error, and
// then writes nothing; or with an error of the writer, which every later call
// returns too, because it may have cut the file inside a datagram. It BLOCKS as
// the writer does, which is called once for some 64 KiB. It is Panda3D's
// put_datagram.
func (f *DatagramOutputFile) PutDatagram(datagram *queuednet.Datagram) error {
	if err := sendable(datagram); err != nil {
		return err
	}
	f.started = true
	f.w.Write(appendSize(f.size[:0], uint64(datagram.Length()))) // its error is the next one's too
	_, err := f.w.Write(datagram.Message())
	return err
}

// Flush writes what is held back. If the writer has a Flush method, as those
// that compress do, it then flushes the writer too. It BLOCKS as they do. It is
// Panda3D's flush.
func (f *DatagramOutputFile) Flush() error {
	if err := f.w.Flush(); err != nil {
		return err
	}
	if below, ok := f.below.(interface{ Flush() error }); ok {
		return below.Flush()
	}
	return nil
}
