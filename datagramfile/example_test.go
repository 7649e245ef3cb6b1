package datagramfile_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
)

// What is written to a file, here one in memory that is compressed, is read
// again up to io.EOF.
func Example() {
	var disk bytes.Buffer
	compressed := gzip.NewWriter(&disk)
	out := datagramfile.NewDatagramOutputFile(compressed)
	if err := out.WriteHeader([]byte("scores\n")); err != nil {
		fmt.Println(err)
		return
	}
	for name, score := range map[string]uint32{"Ada": 7} {
		var datagram queuednet.Datagram
		datagram.AddString(name)
		datagram.AddUint32(score)
		if err := out.PutDatagram(&datagram); err != nil {
			fmt.Println(err)
			return
		}
	}
	if err := out.Flush(); err != nil { // before the writer below is closed
		fmt.Println(err)
		return
	}
	if err := compressed.Close(); err != nil {
		fmt.Println(err)
		return
	}

	expanded, err := gzip.NewReader(&disk)
	if err != nil {
		fmt.Println(err)
		return
	}
	in := datagramfile.NewDatagramInputFile(expanded)
	header, err := in.ReadHeader(len("scores\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", header)
	for {
		var datagram queuednet.Datagram
		err := in.GetDatagram(&datagram)
		if err == io.EOF {
			fmt.Println("that is all")
			return
		}
		if err != nil {
			fmt.Println(err) // such as: … needs 9 bytes, 3 read: unexpected EOF
			return
		}
		it := datagram.Iterator()
		fmt.Println(it.GetString(), it.GetUint32())
	}

	// Output:
	// "scores\n"
	// Ada 7
	// that is all
}

// A generator and a sink are small enough to be copied from one to the other,
// whatever is behind them.
func ExampleDatagramGenerator() {
	from := datagramfile.NewDatagramBuffer([]byte("\x05\x00\x00\x00hello\x05\x00\x00\x00wor"))
	var to datagramfile.DatagramBuffer

	send := func(generator datagramfile.DatagramGenerator, sink datagramfile.DatagramSink) error {
		var datagram queuednet.Datagram
		for {
			if err := generator.GetDatagram(&datagram); err == io.EOF {
				return sink.Flush()
			} else if err != nil {
				return err
			}
			if err := sink.PutDatagram(&datagram); err != nil {
				return err
			}
		}
	}
	fmt.Println(send(from, &to))
	fmt.Printf("%q\n", to.Data())

	// Output:
	// datagramfile: datagram at offset 13 needs 5 bytes, 3 read: unexpected EOF
	// "\x05\x00\x00\x00hello"
}
