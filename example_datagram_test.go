package queuednet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/queuednet/queuednet"
)

// A message begins with a number that says which kind it is, as a program's own
// convention; the reader asks for the same fields in the same order.
func ExampleDatagram() {
	const playerMoved = 7

	var dg queuednet.Datagram
	dg.AddUint16(playerMoved)
	dg.AddString("Ada")
	dg.AddFloat32(1.5)
	dg.AddFloat32(-2)
	if err := dg.Err(); err != nil { // sending it would return the same error
		fmt.Println(err)
		return
	}
	fmt.Println(&dg)

	it := dg.Iterator()
	if it.GetUint16() == playerMoved {
		name, x, y := it.GetString(), it.GetFloat32(), it.GetFloat32()
		if err := it.Err(); err != nil { // once for all of them
			fmt.Println(err)
			return
		}
		fmt.Printf("%s is at %v, %v\n", name, x, y)
	}

	// Output:
	// datagram of 15 bytes
	// Ada is at 1.5, -2
}

// Clear makes a datagram ready for the next message, without new memory.
func ExampleDatagram_Clear() {
	var dg queuednet.Datagram
	for _, name := range []string{"Ada", "Grace"} {
		dg.Clear()
		dg.AddString(name)
		fmt.Println(dg.Length())
	}

	// Output:
	// 5
	// 7
}

func ExampleDatagram_DumpHex() {
	var dg queuednet.Datagram
	dg.AddString("hello, world")
	dg.AddInt32(-2)
	dg.AddUint8(0x41)
	if err := dg.DumpHex(os.Stdout, 0); err != nil {
		fmt.Println(err)
	}

	// Output:
	// 0000  0c 00 68 65 6c 6c 6f 2c 20 77 6f 72 6c 64 fe ff  ..hello, world..
	// 0010  ff ff 41                                         ..A
}

// A datagram that ends too early: the first field that does not fit is named, and
// what is read after it is zero.
func ExampleDatagramIterator() {
	dg := queuednet.NewDatagram([]byte{1, 0, 0, 0, 2, 0, 'h', 'i', 9})
	it := dg.Iterator()
	fmt.Println(it.GetUint32(), it.GetString(), it.RemainingSize())
	fmt.Println(it.GetUint16(), it.GetFloat64())
	fmt.Println(it.Err())

	// Output:
	// 1 hi 1
	// 0 0
	// queuednet: cannot read uint16 at offset 8: needs 2 bytes, has 1
}

// Blobs are views into the datagram; a copy outlives it.
func ExampleDatagramIterator_GetBlob() {
	var dg queuednet.Datagram
	dg.AddBlob([]byte{0xde, 0xad})

	it := dg.Iterator()
	kept := bytes.Clone(it.GetBlob())
	dg.Assign([]byte("something else"))
	fmt.Printf("%x\n", kept)

	// Output: dead
}

func ExampleFieldError() {
	dg := queuednet.NewDatagram([]byte{5, 0, 'h', 'i'})
	it := dg.Iterator()
	it.GetString()

	if err, ok := errors.AsType[*queuednet.FieldError](it.Err()); ok {
		fmt.Println(err.Field, err.Offset, err.Need, err.Have)
		fmt.Println(errors.Is(err, io.ErrUnexpectedEOF))
	}

	// Output:
	// string 0 7 4
	// true
}

// Addresses are values: they can be compared, and be the keys of a map.
func ExampleNetAddress() {
	address, err := queuednet.ParseNetAddress("[::ffff:192.0.2.1]:5000")
	if err != nil {
		fmt.Println(err)
		return
	}
	seen := map[queuednet.NetAddress]int{address: 1}

	same, _ := queuednet.ParseNetAddress("192.0.2.1:5000")
	seen[same]++
	fmt.Println(address, seen[address], address == same)

	if err := address.SetPort(70_000); err != nil {
		fmt.Println(err)
	}

	// Output:
	// 192.0.2.1:5000 2 true
	// queuednet: address 70000: port not within 0 to 65535
}
